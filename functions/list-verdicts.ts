/** Lists accepted verdicts, newest first. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { listVerdicts } from "../shared/alerts/list-verdicts.ts";
import { createNextLink, listParameters } from "../shared/contracts/list-parameters.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { services } from "../shared/app/services.ts";

async function listAcceptedVerdicts(request: HttpRequest): Promise<HttpResponseInit> {
  const { skipToken, top } = readQuery(listParameters, request.query);
  const page = await listVerdicts(
    { store: await services.for(request).records() },
    { top, skipToken },
  );
  const nextLink = createNextLink(services.toPublicAddress(request.url), page.skipToken);
  return { jsonBody: { value: page.value, nextLink } };
}

app.http("list_verdicts", {
  methods: ["GET"],
  authLevel: "function",
  route: "alerts/verdicts",
  handler: listAcceptedVerdicts,
});
