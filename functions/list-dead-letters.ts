/** Lists messages that could not be processed, oldest path first. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { deadLetterFilter, toDeadLetterAnswer } from "../shared/contracts/dead-letter.ts";
import { withQuery } from "../shared/http/public-url.ts";
import { readQuery } from "../shared/http/request-body.ts";

async function listDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const { queue, after } = readQuery(deadLetterFilter, request.query);
  const page = await tenant.listDeadLetters(queue, after);
  const nextLink =
    page.next === undefined
      ? null
      : withQuery(services.toPublicAddress(request.url), { after: page.next });
  return { jsonBody: { value: page.letters.map(toDeadLetterAnswer), nextLink } };
}

app.http("list_dead_letters", {
  methods: ["GET"],
  authLevel: "function",
  route: "dead-letters",
  handler: listDeadLetters,
});
