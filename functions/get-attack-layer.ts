/** Returns the techniques of the enabled hunts as a layer for ATT&CK Navigator. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { createAttackLayer } from "../shared/hunts/attack-layer.ts";

const getAttackLayer = (request: HttpRequest): HttpResponseInit => ({
  jsonBody: createAttackLayer(services.for(request).enabledHunts()),
});

app.http("get_attack_layer", {
  methods: ["GET"],
  authLevel: "function",
  route: "attack-layer",
  handler: getAttackLayer,
});
