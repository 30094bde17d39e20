/**
 * Receives a webhook with a function key, alone or in addition to its source's own authentication.
 */
import { app } from "@azure/functions";
import { replyToDelivery } from "../shared/app/http-handler.ts";

app.http("receive_keyed_webhook", {
  methods: ["POST"],
  authLevel: "function",
  route: "webhooks/{source}/keyed",
  handler: (request) => replyToDelivery(request, true),
});
