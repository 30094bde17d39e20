/**
 * Receives one delivery: body size, authentication, limits, schema, queue, receipt, answer, in this
 * order.
 */
import * as z from "zod/mini";
import type { IncomingBody } from "../contracts/parsed-body.ts";
import { createRetryProblem, Problem, problemTitles } from "../contracts/problem.ts";
import type { DeliveryBody } from "../contracts/repeated-members.ts";
import { minuteMs } from "../runtime/time.ts";
import { authenticate, type AuthResult } from "./authenticate.ts";
import { executePlan, type Delivery, type DeliveryResult } from "./execute-plan.ts";
import { planActions, type ActionPlan } from "./plan-actions.ts";
import type { WebhookDeps } from "./ports.ts";
import { readPayload } from "./readers.ts";
import { sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";

/** One request to a webhook endpoint. */
export interface WebhookCall {
  /** The source's name in the URL. */
  readonly source: string;
  readonly request: IncomingBody;
  /** Whether it came through the endpoint that requires a function key. */
  readonly isKeyed: boolean;
}

/** The answer to a delivery, or to Event Grid's validation of the endpoint. */
export type ReceiveResult =
  | ({ readonly kind: "delivery" } & DeliveryResult)
  | { readonly kind: "handshake"; readonly validationCode: string };

/** @throws Problem for every refusal; faults of storage and vault as they are */
export async function receiveDelivery(
  deps: WebhookDeps,
  call: WebhookCall,
): Promise<ReceiveResult> {
  // The name in the URL is not authenticated, so only a configured name may reach the log.
  const logContext = { source: "unknown", cause: "" };
  try {
    return await processCall(deps, call, logContext);
  } catch (error) {
    if (error instanceof Problem)
      deps.logRefusal({
        ...logContext,
        status: error.status,
        cause: logContext.cause || problemTitles[error.status],
      });
    throw error;
  }
}

async function processCall(
  deps: WebhookDeps,
  { source: name, request, isKeyed }: WebhookCall,
  logContext: { source: string; cause: string },
): Promise<ReceiveResult> {
  const bytes = await deps.readBodyBytes(request);
  const source = deps.findSource(name);
  if (source) logContext.source = name;
  const { headers } = request;
  const auth = source ? await authenticate({ headers, bytes, isKeyed }, source, deps) : undefined;
  if (!source || auth?.kind !== "authenticated") throw toAuthProblem(name, auth, logContext);
  await deps.failpoint("W1 verified");
  const body = parseBody(deps, source, bytes, headers.get("content-type"));
  const validationCode = findValidationCode(source, body.value);
  if (validationCode !== undefined) return { kind: "handshake", validationCode };
  const bodyHash = sha256(bytes).toString("hex");
  const id = auth.id ?? bodyHash;
  const key = auth.id !== undefined && auth.isIdSigned ? auth.id : bodyHash;
  const delivery = { source, id, bodyHash, key };
  const plan = planDelivery(deps, body, delivery);
  await deps.failpoint("W2 validated");
  const result = await deps.fairShare.run(name, () => executePlan(deps, delivery, plan));
  if (!result) throw createRetryProblem("Too many requests of this source are queued.", 2_000, 429);
  return { kind: "delivery", ...result };
}

const validationEvent = z.tuple([
  z.looseObject({
    eventType: z.literal("Microsoft.EventGrid.SubscriptionValidationEvent"),
    data: z.looseObject({ validationCode: z.string() }),
  }),
]);

/** Returns the code that Event Grid sends to validate an endpoint and expects in the answer. */
const findValidationCode = ({ eventGrid }: Source, body: unknown): string | undefined =>
  eventGrid ? validationEvent.safeParse(body).data?.[0].data.validationCode : undefined;

const parseBody = (
  deps: WebhookDeps,
  { reader }: Source,
  bytes: Uint8Array,
  contentType: string | null,
): DeliveryBody =>
  reader === "any" ? deps.parseAnyBody(bytes, contentType) : deps.parseJsonBody(bytes, contentType);

/** An operator corrects an invalid secret. The caller learns neither its name nor its fault. */
const secretRetryMs = minuteMs;

function toAuthProblem(
  name: string,
  auth: AuthResult | undefined,
  logContext: { cause: string },
): Problem {
  if (auth?.kind === "noKey") {
    logContext.cause = `Key Vault secret webhook-${name} is invalid: must be ${auth.expected}`;
    return createRetryProblem("The delivery cannot be authenticated now.", secretRetryMs);
  }
  logContext.cause = auth?.kind === "refused" ? auth.cause : "unknown source";
  return new Problem(401, "Authentication failed.");
}

function planDelivery(
  deps: WebhookDeps,
  body: DeliveryBody,
  { source, key }: Delivery,
): ActionPlan {
  const payload = readPayload(body.value, source);
  if (payload.kind === "invalid")
    throw new Problem(
      400,
      `The body must be a payload of ${source.mapping ? "this source's mapping" : source.reader}.`,
      { errors: payload.faults },
    );
  return planActions(payload, body, source, {
    key,
    requestedAt: new Date(deps.nowMs()).toISOString(),
  });
}
