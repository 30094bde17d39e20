/** Receives a webhook that carries its source's own authentication. */
import { app } from "@azure/functions";
import { replyToDelivery } from "../shared/app/http-handler.ts";

app.http("receive_webhook", {
  methods: ["POST"],
  authLevel: "anonymous",
  route: "webhooks/{source}",
  handler: (request) => replyToDelivery(request, false),
});
