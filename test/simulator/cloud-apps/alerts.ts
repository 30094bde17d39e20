/** The alerts resource: list, fetch, mark, the three closes, and the calls that are deprecated or undocumented. */
import { json, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { alertFields, alertSorts } from "./alert-fields.ts";
import { isOpen, openStatus, type Alert, type AlertStore } from "./alert-store.ts";
import { compileFilters, formError } from "./filters.ts";
import { answerList } from "./lists.ts";
import type { CloudAppsResource, ResourceCall, ResourceRoute } from "./resource.ts";

/** One way of closing: its route, what it answers, the state it leaves, the reasons it takes. */
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
  // Deprecated, and still what Microsoft's own connector calls.
  { path: "dismiss_bulk", key: "dismissed", status: 3, reasons: "any" },
  { path: "resolve", key: "resolved", status: 5, reasons: "any" },
];

export function alertsResource(store: AlertStore): CloudAppsResource {
  const closes = closings.map((closing): ResourceRoute => ({
    name: closing.path,
    methods: ["POST"],
    path: `alerts/${closing.path}/`,
    action: "alerts.close",
    answer: (call) => close(store, closing, call),
  }));
  const marks = (["read", "unread"] as const).map((mark): ResourceRoute => ({
    name: mark,
    methods: ["POST"],
    path: `alerts/{id}/${mark}/`,
    action: "alerts.read",
    answer: (call) => markAs(store, mark, call),
  }));
  return {
    name: "alerts",
    routes: [
      {
        name: "list",
        methods: ["GET", "POST"],
        path: "alerts/",
        action: "alerts.read",
        answer: (call) => list(store, call),
      },
      ...closes,
      {
        name: "reopen",
        methods: ["POST"],
        path: "alerts/reopen/",
        action: "alerts.close",
        answer: (call) => reopen(store, call),
      },
      ...marks,
      {
        name: "dismiss",
        methods: ["POST"],
        path: "alerts/{id}/dismiss/",
        action: "alerts.close",
        answer: (call) => dismiss(store, call),
      },
      {
        name: "fetch",
        methods: ["GET"],
        path: "alerts/{id}/",
        action: "alerts.read",
        answer: (call) => fetchOne(store, call),
      },
    ],
  };
}

const list = (store: AlertStore, { exchange, switches }: ResourceCall): Reply =>
  answerList<Alert>(
    exchange,
    {
      items: store.all,
      fields: alertFields,
      sorts: alertSorts,
      show: (alert) => alert,
      wide: true,
    },
    switches.unknownField,
    switches.total,
  );

const alertOf = (store: AlertStore, { exchange }: ResourceCall): Alert | undefined =>
  store.find(exchange.params["id"] ?? "");

function fetchOne(store: AlertStore, call: ResourceCall): Reply {
  const alert = alertOf(store, call);
  return alert ? json(200, alert) : cloudAppsFamily.notFound(call.exchange);
}

function markAs(store: AlertStore, mark: "read" | "unread", call: ResourceCall): Reply {
  const alert = alertOf(store, call);
  if (!alert) return cloudAppsFamily.notFound(call.exchange);
  // An archived alert stays archived.
  if (alert.statusValue !== 2) alert.statusValue = mark === "read" ? 1 : 0;
  return { status: 200, body: "", effect: { marked: mark } };
}

/** What the filter of a bulk call hits, and the ids it names that are not there. */
type Hits =
  | {
      readonly kind: "hits";
      readonly alerts: readonly Alert[];
      readonly missing: readonly string[];
    }
  | { readonly kind: "refused"; readonly reply: Reply };

function hitsOf(store: AlertStore, call: ResourceCall, wanted: (alert: Alert) => boolean): Hits {
  const { fields, switches, nowMs } = call;
  const compiled = compileFilters(fields["filters"], alertFields, switches.unknownField, nowMs);
  if (compiled.kind === "bad")
    return { kind: "refused", reply: json(400, formError(compiled.value)) };
  if (compiled.empty && switches.emptyFilter === "400") {
    return { kind: "refused", reply: json(400, formError("filters")) };
  }
  const none = compiled.empty && switches.emptyFilter === "closes-none";
  const alerts = none
    ? []
    : candidates(store, fields["filters"]).filter(compiled.keep).filter(wanted);
  const hit = new Set(alerts.map(({ _id }) => _id));
  return {
    kind: "hits",
    alerts,
    missing: idsNamed(fields["filters"]).filter((id) => !hit.has(id)),
  };
}

/** Named ids are looked up, anything else is searched for. */
function candidates(store: AlertStore, filters: unknown): readonly Alert[] {
  const ids = idsNamed(filters);
  return ids.length > 0 ? [...new Set(ids)].flatMap((id) => store.find(id) ?? []) : store.all();
}

function idsNamed(filters: unknown): readonly string[] {
  const eq = (filters as { id?: { eq?: unknown } } | null | undefined)?.id?.eq;
  return (Array.isArray(eq) ? eq : [eq]).filter((id): id is string => typeof id === "string");
}

function close(store: AlertStore, closing: Closing, call: ResourceCall): Reply {
  const { fields, switches, exchange, caller } = call;
  const reason = fields["reasonId"];
  if (!reasonFits(closing, reason) && switches.wrongReason === "400")
    return json(400, formError(`reasonId ${String(reason)}`));
  const again = switches.alreadyClosed === "overwrite";
  const hits = hitsOf(store, call, (alert) => again || isOpen(alert));
  if (hits.kind === "refused") return hits.reply;
  const comment = typeof fields["comment"] === "string" ? fields["comment"] : null;
  for (const alert of hits.alerts) {
    store.resolve(alert, closing.status, {
      request: exchange.record.seq,
      comment,
      user: caller.user,
    });
  }
  return counted(closing.key, hits, switches.notFoundStatus);
}

const reasonFits = ({ reasons }: Closing, reason: unknown): boolean =>
  reason === undefined || reason === null || reasons === "any" || reasons.includes(Number(reason));

/** `{"closed_benign": 2, "alertsNotFound": ["…"]}`; the list is left out when every id was accounted for. */
function counted(
  key: string,
  hits: Hits & { kind: "hits" },
  notFoundStatus: "200" | "400" | "404",
): Reply {
  const ids = hits.alerts.map(({ _id }) => _id);
  const missing = hits.missing.length > 0;
  return {
    ...json(missing ? Number(notFoundStatus) : 200, {
      [key]: ids.length,
      ...(missing ? { alertsNotFound: hits.missing } : {}),
    }),
    effect: { changed: ids, notFound: hits.missing },
  };
}

function reopen(store: AlertStore, call: ResourceCall): Reply {
  const hits = hitsOf(store, call, (alert) => !isOpen(alert));
  if (hits.kind === "refused") return hits.reply;
  for (const alert of hits.alerts) {
    store.resolve(alert, openStatus, {
      request: call.exchange.record.seq,
      comment: alert.comment,
      user: null,
    });
  }
  return counted("reopened", hits, call.switches.notFoundStatus);
}

/** The oldest call: one alert, by its path. */
function dismiss(store: AlertStore, call: ResourceCall): Reply {
  const alert = alertOf(store, call);
  if (!alert || !isOpen(alert)) return cloudAppsFamily.notFound(call.exchange);
  const comment = typeof call.fields["comment"] === "string" ? call.fields["comment"] : null;
  store.resolve(alert, 3, { request: call.exchange.record.seq, comment, user: call.caller.user });
  return { ...json(200, { dismissed: 1 }), effect: { changed: [alert._id] } };
}
