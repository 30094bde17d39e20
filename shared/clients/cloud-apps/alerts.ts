/**
 * Cloud Apps alerts: close in three ways, reopen, list by id. Wire names and numbers are only here.
 */
import * as z from "zod/mini";
import type { Closure } from "../../alerts/closures.ts";
import type {
  AlertsPort,
  ChangeReply,
  CloseRequest,
  AlertStatesReply,
  AlertState,
} from "../../alerts/ports.ts";
import { parseAlertId, type AlertId } from "../../contracts/alert-id.ts";
import type { VerdictReason } from "../../contracts/alert-verdict.ts";
import type { ApiResponse, ApiCall, ApiClient } from "../../http-pipeline/api-client.ts";
import type { Quota } from "../../http-pipeline/quota/quota.ts";
import { readFailure } from "../../http-pipeline/read-failure.ts";
import { redact } from "../../http-pipeline/redact.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";

const routes = {
  truePositive: ["/api/v1/alerts/close_true_positive/", "closed_true_positive"],
  falsePositive: ["/api/v1/alerts/close_false_positive/", "closed_false_positive"],
  benign: ["/api/v1/alerts/close_benign/", "closed_benign"],
} as const satisfies Record<Closure, readonly [string, string]>;

/** Microsoft Learn, "Close benign" and "Close false positive": the numbers of `reasonId`. */
const reasonIds = {
  notOfInterest: 0,
  tooManySimilar: 1,
  severityLower: 2,
  notAccurate: 3,
  other: 4,
  confirmedWithUser: 5,
  test: 6,
} as const satisfies Record<VerdictReason, number>;

/** States by `resolutionStatusValue`; 1 and 2 result from deprecated calls of the portal. */
const resolutions: readonly AlertState[] = [
  "open",
  "dismissed",
  "resolved",
  "falsePositive",
  "benign",
  "truePositive",
];

const maxIds = 100;

/**
 * Builds the only filter that any code path sends: 1 to 100 explicit ids. On this API an empty
 * filter matches every alert that the token may see.
 *
 * @throws RangeError for no id or more than 100
 */
export function buildIdFilter(ids: readonly AlertId[]): { id: { eq: readonly AlertId[] } } {
  if (ids.length < 1 || ids.length > maxIds)
    throw new RangeError(`there must be 1 to ${maxIds} alert ids; there are ${ids.length}`);
  return { id: { eq: ids } };
}

const changeSchema = z.looseObject({ alertsNotFound: z.nullish(z.array(z.string())) });
const listSchema = z.object({
  hasNext: z.nullish(z.boolean()),
  data: z.array(
    z.looseObject({
      _id: z.string(),
      resolutionStatusValue: z.optional(z.nullable(z.number())),
      statusValue: z.optional(z.nullable(z.number())),
    }),
  ),
});

/**
 * Statuses under which a close has returned its counts. They are read before they count as errors.
 */
const closingStatuses = [400, 404] as const;

/** Creates the alerts port over the client and the quota of the Cloud Apps API. */
export function createAlertsClient(client: ApiClient, quota: Quota): AlertsPort {
  return {
    acquirePermit: (maxWaitMs) => quota.acquirePermit({ maxWaitMs }),
    close: async (ids, closing, permit) => {
      const [path, counter] = routes[closing.closure];
      return changeAlerts(
        client,
        { method: "POST", path, json: buildCloseBody(ids, closing), permit, tries: 1 },
        counter,
      );
    },
    reopen: async (ids, comment) =>
      changeAlerts(
        client,
        {
          method: "POST",
          path: "/api/v1/alerts/reopen/",
          json: { filters: buildIdFilter(ids), comment },
          tries: 1,
        },
        "reopened",
      ),
    getStates: (ids) => lookUpAlerts(client, ids),
  };
}

function buildCloseBody(
  ids: readonly AlertId[],
  { closure, reason, comment, feedback }: CloseRequest,
): object {
  return {
    filters: buildIdFilter(ids),
    ...(comment === undefined ? {} : { comment }),
    ...(reason === undefined || closure === "truePositive" ? {} : { reasonId: reasonIds[reason] }),
    ...(feedback === undefined
      ? {}
      : {
          sendFeedback: true,
          feedbackText: feedback.text,
          allowContact: feedback.allowContact ?? false,
          contactEmail: feedback.contactEmail,
        }),
  };
}

/**
 * Sends a change once. After a lost response the alerts module looks up the state instead of
 * sending again.
 */
async function changeAlerts(
  client: ApiClient,
  call: ApiCall,
  counter: string,
): Promise<ChangeReply> {
  try {
    return readChange(await client.send(call, closingStatuses), counter);
  } catch (error) {
    return toFailedReply(error);
  }
}

function readChange(response: ApiResponse, counter: string): ChangeReply {
  const body = changeSchema.safeParse(response.body).data;
  const changed = body?.[counter];
  if (typeof changed === "number")
    return { kind: "answer", changed, notFound: body?.alertsNotFound ?? [] };
  // A 2xx that counts under another name, or not at all, may have taken effect: the caller looks.
  const isSuccess = response.status >= 200 && response.status < 300;
  if (isSuccess) return { kind: "answer", changed: Number.NaN, notFound: [] };
  const message = redact(readFailure(response.body).message);
  return { kind: "refused", message: describeRefusal(String(response.status), message) };
}

/** States the service's own reason, which is redacted and at most 300 characters long. */
const describeRefusal = (status: string, reason: string | undefined): string =>
  `Cloud Apps refused the call (${status})${reason ? `: ${reason}` : ""}`;

/** Pause after missing rights or a refused token: an operator fixes them while verdicts wait. */
const fixPauseMs = 15 * 60_000;

function toFailedReply(error: unknown): Exclude<ChangeReply, { kind: "answer" }> {
  if (!(error instanceof UpstreamError)) throw error;
  switch (error.code) {
    case "throttled":
      return { kind: "later", retryAfterMs: error.retryAfterMs ?? 60_000 };
    case "unauthorized":
    case "forbidden":
      return { kind: "later", retryAfterMs: fixPauseMs, reason: describeError(error) };
    case "rejected":
    case "notFound":
      return { kind: "refused", message: describeError(error) };
    case "unavailable":
    case "unexpectedResponse":
      return { kind: "unknown", message: error.message };
  }
}

const describeError = ({ code, status, upstreamMessage }: UpstreamError): string =>
  describeRefusal(String(status ?? code), upstreamMessage);

/**
 * Pause after an answer that is cut or shows other alerts: it says nothing about those that it
 * omits.
 */
const unreliableListPauseMs = 60_000;

async function lookUpAlerts(client: ApiClient, ids: readonly AlertId[]): Promise<AlertStatesReply> {
  try {
    const response = await client.send({
      method: "POST",
      path: "/api/v1/alerts/",
      json: { filters: buildIdFilter(ids), skip: 0, limit: maxIds },
      maxWaitMs: 10_000,
    });
    const list = listSchema.safeParse(response.body).data;
    const states = list?.data.flatMap(toAlertState) ?? [];
    const requested = new Set(ids);
    if (!list || list.hasNext === true || states.some(([id]) => !requested.has(id)))
      return {
        kind: "later",
        retryAfterMs: unreliableListPauseMs,
        reason: "Cloud Apps answered a lookup by id incompletely or with other alerts",
      };
    return { kind: "answer", alerts: new Map(states) };
  } catch (error) {
    const reply = toFailedReply(error);
    return reply.kind === "unknown" ? { kind: "later", retryAfterMs: 30_000 } : reply;
  }
}

/**
 * Returns an alert's state. Old records have no resolution; for them the status "archived" means
 * closed.
 */
function toAlertState({
  _id,
  resolutionStatusValue,
  statusValue,
}: z.infer<typeof listSchema>["data"][number]): [AlertId, AlertState][] {
  const parsed = parseAlertId(_id);
  if (parsed.kind !== "alert") return [];
  const archivedStatus = 2;
  const state = resolutionStatusValue ?? (statusValue === archivedStatus ? undefined : 0);
  return [
    [parsed.id, state === undefined ? "unknownState" : (resolutions[state] ?? "unknownState")],
  ];
}
