/**
 * The alerts resource: list, fetch, mark, the three close calls, deprecated and undocumented calls.
 */
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { alertFields, alertSorts } from "./alert-fields.ts";
import { isOpen, openStatus, type Alert, type AlertStore } from "./alert-store.ts";
import { compileFilters, toFormError } from "./filters.ts";
import { answerList } from "./lists.ts";
import type { CloudAppsResource, ResourceCall, ResourceRoute } from "./resource.ts";

/** One way to close alerts: its route, answer member, resulting state and accepted reasons. */
interface Closing {
  readonly path: string;
  readonly key: string;
  readonly status: number;
  readonly reasons: readonly number[] | "any";
}

const closings: readonly Closing[] = [
  { path: "close_benign", key: "closed_benign", status: 4, reasons: [2, 4, 5, 6] },
  { path: "close_false_positive", key: "closed_false_positive", status: 3, reasons: [0, 1, 3, 4] },
  { path: "close_true_positive", key: "closed_true_positive", status: 5, reasons: [] },
  // Deprecated, but Microsoft's own connector still calls it.
  { path: "dismiss_bulk", key: "dismissed", status: 3, reasons: "any" },
  { path: "resolve", key: "resolved", status: 5, reasons: "any" },
];

export function createAlertsResource(store: AlertStore): CloudAppsResource {
  const closeRoutes = closings.map((closing): ResourceRoute => ({
    name: closing.path,
    methods: ["POST"],
    path: `alerts/${closing.path}/`,
    action: "alerts.close",
    answer: (call) => closeAlerts(store, closing, call),
  }));
  const markRoutes = (["read", "unread"] as const).map((mark): ResourceRoute => ({
    name: mark,
    methods: ["POST"],
    path: `alerts/{id}/${mark}/`,
    action: "alerts.read",
    answer: (call) => markAlert(store, mark, call),
  }));
  return {
    name: "alerts",
    routes: [
      {
        name: "list",
        methods: ["GET", "POST"],
        path: "alerts/",
        action: "alerts.read",
        answer: (call) => listAlerts(store, call),
      },
      ...closeRoutes,
      {
        name: "reopen",
        methods: ["POST"],
        path: "alerts/reopen/",
        action: "alerts.close",
        answer: (call) => reopenAlerts(store, call),
      },
      ...markRoutes,
      {
        name: "dismiss",
        methods: ["POST"],
        path: "alerts/{id}/dismiss/",
        action: "alerts.close",
        answer: (call) => dismissAlert(store, call),
      },
      {
        name: "fetch",
        methods: ["GET"],
        path: "alerts/{id}/",
        action: "alerts.read",
        answer: (call) => fetchAlert(store, call),
      },
    ],
  };
}

const listAlerts = (store: AlertStore, { exchange, behaviors }: ResourceCall): Reply =>
  answerList<Alert>(
    exchange,
    {
      items: store.list,
      fields: alertFields,
      sorts: alertSorts,
      show: (alert) => alert,
      isWide: true,
    },
    behaviors.unknownField,
    behaviors.total,
  );

const findAlert = (store: AlertStore, { exchange }: ResourceCall): Alert | undefined =>
  store.find(exchange.params["id"] ?? "");

function fetchAlert(store: AlertStore, call: ResourceCall): Reply {
  const alert = findAlert(store, call);
  return alert ? toJsonReply(200, alert) : cloudAppsFamily.notFound(call.exchange);
}

function markAlert(store: AlertStore, mark: "read" | "unread", call: ResourceCall): Reply {
  const alert = findAlert(store, call);
  if (!alert) return cloudAppsFamily.notFound(call.exchange);
  // An archived alert stays archived.
  if (alert.statusValue !== 2) alert.statusValue = mark === "read" ? 1 : 0;
  return { status: 200, body: "", effect: { marked: mark } };
}

/** Alerts that the filter of a bulk call matches, and named ids that do not exist. */
type MatchResult =
  | {
      readonly kind: "matches";
      readonly alerts: readonly Alert[];
      readonly missing: readonly string[];
    }
  | { readonly kind: "refused"; readonly reply: Reply };

function findMatches(
  store: AlertStore,
  call: ResourceCall,
  isEligible: (alert: Alert) => boolean,
): MatchResult {
  const { fields, behaviors, nowMs } = call;
  const compiled = compileFilters(fields["filters"], alertFields, behaviors.unknownField, nowMs);
  if (compiled.kind === "invalid")
    return { kind: "refused", reply: toJsonReply(400, toFormError(compiled.value)) };
  if (compiled.isEmpty && behaviors.emptyFilter === "400") {
    return { kind: "refused", reply: toJsonReply(400, toFormError("filters")) };
  }
  const closesNone = compiled.isEmpty && behaviors.emptyFilter === "closes-none";
  const alerts = closesNone
    ? []
    : listCandidates(store, fields["filters"]).filter(compiled.matches).filter(isEligible);
  const matchedIds = new Set(alerts.map(({ _id }) => _id));
  return {
    kind: "matches",
    alerts,
    missing: readRequestedIds(fields["filters"]).filter((id) => !matchedIds.has(id)),
  };
}

/** Looks up named ids; evaluates any other filter. */
function listCandidates(store: AlertStore, filters: unknown): readonly Alert[] {
  const ids = readRequestedIds(filters);
  return ids.length > 0 ? [...new Set(ids)].flatMap((id) => store.find(id) ?? []) : store.list();
}

function readRequestedIds(filters: unknown): readonly string[] {
  const eq = (filters as { id?: { eq?: unknown } } | null | undefined)?.id?.eq;
  return (Array.isArray(eq) ? eq : [eq]).filter((id): id is string => typeof id === "string");
}

function closeAlerts(store: AlertStore, closing: Closing, call: ResourceCall): Reply {
  const { fields, behaviors, exchange, caller } = call;
  const reason = fields["reasonId"];
  if (!isReasonAllowed(closing, reason) && behaviors.wrongReason === "400")
    return toJsonReply(400, toFormError(`reasonId ${String(reason)}`));
  const canOverwrite = behaviors.alreadyClosed === "overwrite";
  const matches = findMatches(store, call, (alert) => canOverwrite || isOpen(alert));
  if (matches.kind === "refused") return matches.reply;
  const comment = typeof fields["comment"] === "string" ? fields["comment"] : null;
  for (const alert of matches.alerts) {
    store.setResolution(alert, closing.status, {
      request: exchange.record.seq,
      comment,
      user: caller.user,
    });
  }
  return toCountReply(closing.key, matches, behaviors.notFoundStatus);
}

const isReasonAllowed = ({ reasons }: Closing, reason: unknown): boolean =>
  reason === undefined || reason === null || reasons === "any" || reasons.includes(Number(reason));

/** `{"closed_benign": 2, "alertsNotFound": ["…"]}`; the list is absent if every id was found. */
function toCountReply(
  key: string,
  matches: MatchResult & { kind: "matches" },
  notFoundStatus: "200" | "400" | "404",
): Reply {
  const ids = matches.alerts.map(({ _id }) => _id);
  const hasMissing = matches.missing.length > 0;
  return {
    ...toJsonReply(hasMissing ? Number(notFoundStatus) : 200, {
      [key]: ids.length,
      ...(hasMissing ? { alertsNotFound: matches.missing } : {}),
    }),
    effect: { changed: ids, notFound: matches.missing },
  };
}

function reopenAlerts(store: AlertStore, call: ResourceCall): Reply {
  const matches = findMatches(store, call, (alert) => !isOpen(alert));
  if (matches.kind === "refused") return matches.reply;
  for (const alert of matches.alerts) {
    store.setResolution(alert, openStatus, {
      request: call.exchange.record.seq,
      comment: alert.comment,
      user: null,
    });
  }
  return toCountReply("reopened", matches, call.behaviors.notFoundStatus);
}

/** The oldest call: closes the alert named in the path. */
function dismissAlert(store: AlertStore, call: ResourceCall): Reply {
  const alert = findAlert(store, call);
  if (!alert || !isOpen(alert)) return cloudAppsFamily.notFound(call.exchange);
  const comment = typeof call.fields["comment"] === "string" ? call.fields["comment"] : null;
  store.setResolution(alert, 3, {
    request: call.exchange.record.seq,
    comment,
    user: call.caller.user,
  });
  return { ...toJsonReply(200, { dismissed: 1 }), effect: { changed: [alert._id] } };
}
