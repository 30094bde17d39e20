/** The activities resource: list up to 5,000, scan mode beyond, fetch, feedback. */
import { json, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import type { Activity } from "./activity-draw.ts";
import { activityFields, activitySorts } from "./activity-fields.ts";
import { compileFilters, formError } from "./filters.ts";
import { answerList, wholeOf } from "./lists.ts";
import type { Drawn } from "./portal.ts";
import type { CloudAppsResource, ResourceCall } from "./resource.ts";

/** What somebody said of an activity. */
export interface Feedback {
  readonly activity: string;
  readonly said: Readonly<Record<string, unknown>>;
}

/** Lists end here; only a scan reads on. */
const listReach = 5_000;

export const activitiesResource = (
  activities: Drawn<Activity>,
  feedback: Feedback[],
): CloudAppsResource => ({
  name: "activities",
  routes: [
    {
      name: "list",
      methods: ["GET", "POST"],
      path: "activities/",
      action: "activities",
      answer: (call) =>
        String(call.fields["isScan"]) === "true" ? scan(activities, call) : list(activities, call),
    },
    {
      name: "fetch",
      methods: ["GET"],
      path: "activities/{id}/",
      action: "activities",
      answer: ({ exchange }) => {
        const found = activities.find(exchange.params["id"] ?? "");
        return found ? json(200, found) : cloudAppsFamily.notFound(exchange);
      },
    },
    {
      // The one route of the API without a slash at its end.
      name: "feedback",
      methods: ["POST"],
      path: "activities/{id}/feedback",
      action: "activities",
      answer: (call) => hear(activities, feedback, call),
    },
  ],
});

const list = (activities: Drawn<Activity>, { exchange, switches }: ResourceCall): Reply =>
  answerList<Activity>(
    exchange,
    {
      items: activities.all,
      fields: activityFields,
      sorts: activitySorts,
      show: (activity) => activity,
      wide: false,
      reach: listReach,
    },
    switches.unknownField,
    switches.total,
  );

const [fewest, most] = [500, 5_000] as const;

/**
 * One page of a scan, the youngest first. The records of its last instant are left for the next page, whose filters
 * end at that instant: so no page repeats a record and none is lost.
 */
function scan(
  activities: Drawn<Activity>,
  { exchange, fields, switches, nowMs }: ResourceCall,
): Reply {
  const filters = fields["filters"] ?? {};
  const compiled = compileFilters(filters, activityFields, switches.unknownField, nowMs);
  if (compiled.kind === "bad") return json(400, formError(compiled.value));
  if (wholeOf(fields["skip"], 0) > 0)
    return cloudAppsFamily.badRequest(exchange, "skip is not supported in scan mode");
  const limit = Math.min(most, Math.max(fewest, wholeOf(fields["limit"], fewest)));
  const found = activities
    .all()
    .filter(compiled.keep)
    .sort((a, b) => b.timestamp - a.timestamp);
  const page = found.slice(0, limit);
  const last = found.length > page.length ? page.at(-1) : undefined;
  if (!last)
    return {
      ...json(200, { data: page, hasNext: false, total: found.length }),
      effect: { listed: page.length },
    };
  const kept = page.filter(({ timestamp }) => timestamp > last.timestamp);
  const next = switches.scanStall ? filters : until(filters, last.timestamp);
  return {
    ...json(200, { data: kept, hasNext: true, total: found.length, nextQueryFilters: next }),
    effect: { listed: kept.length },
  };
}

function until(filters: unknown, lte: number): Record<string, unknown> {
  const { date, ...rest } = filters as { date?: object };
  return { ...rest, date: { ...date, lte } };
}

function hear(
  activities: Drawn<Activity>,
  feedback: Feedback[],
  { exchange, fields }: ResourceCall,
): Reply {
  const id = exchange.params["id"] ?? "";
  if (!activities.find(id)) return cloudAppsFamily.notFound(exchange);
  if (typeof fields["feedbackValue"] !== "string") return json(400, formError("feedbackValue"));
  feedback.push({ activity: id, said: fields });
  return { status: 200, body: "", effect: { feedback: id } };
}
