/** The activities resource: lists of at most 5,000, scan mode, fetch, feedback. */
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import type { Activity } from "./draw-activity.ts";
import { activityFields, activitySorts } from "./activity-fields.ts";
import { compileFilters, toFormError } from "./filters.ts";
import { answerList, toWholeNumber } from "./lists.ts";
import type { GeneratedItems } from "./portal.ts";
import type { CloudAppsResource, ResourceCall } from "./resource.ts";

/** Feedback on an activity. */
export interface Feedback {
  readonly activity: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Lists end here; only a scan returns more. */
const maxListItems = 5_000;

export const createActivitiesResource = (
  activities: GeneratedItems<Activity>,
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
        String(call.fields["isScan"]) === "true"
          ? scanActivities(activities, call)
          : listActivities(activities, call),
    },
    {
      name: "fetch",
      methods: ["GET"],
      path: "activities/{id}/",
      action: "activities",
      answer: ({ exchange }) => {
        const activity = activities.find(exchange.params["id"] ?? "");
        return activity ? toJsonReply(200, activity) : cloudAppsFamily.notFound(exchange);
      },
    },
    {
      // The only route of the API without a trailing slash.
      name: "feedback",
      methods: ["POST"],
      path: "activities/{id}/feedback",
      action: "activities",
      answer: (call) => recordFeedback(activities, feedback, call),
    },
  ],
});

const listActivities = (
  activities: GeneratedItems<Activity>,
  { exchange, behaviors }: ResourceCall,
): Reply =>
  answerList<Activity>(
    exchange,
    {
      items: activities.list,
      fields: activityFields,
      sorts: activitySorts,
      show: (activity) => activity,
      isWide: false,
      maxItems: maxListItems,
    },
    behaviors.unknownField,
    behaviors.total,
  );

const [minScanPage, maxScanPage] = [500, 5_000] as const;

/**
 * Returns one page of a scan, newest first. Records of its last instant move to the next page,
 * whose filters end at that instant, so each record is returned exactly once.
 */
function scanActivities(
  activities: GeneratedItems<Activity>,
  { exchange, fields, behaviors, nowMs }: ResourceCall,
): Reply {
  const filters = fields["filters"] ?? {};
  const compiled = compileFilters(filters, activityFields, behaviors.unknownField, nowMs);
  if (compiled.kind === "invalid") return toJsonReply(400, toFormError(compiled.value));
  if (toWholeNumber(fields["skip"], 0) > 0)
    return cloudAppsFamily.badRequest(exchange, "skip is not supported in scan mode");
  const limit = Math.min(
    maxScanPage,
    Math.max(minScanPage, toWholeNumber(fields["limit"], minScanPage)),
  );
  const matching = activities
    .list()
    .filter(compiled.matches)
    .sort((a, b) => b.timestamp - a.timestamp);
  const page = matching.slice(0, limit);
  const last = matching.length > page.length ? page.at(-1) : undefined;
  if (!last)
    return {
      ...toJsonReply(200, { data: page, hasNext: false, total: matching.length }),
      effect: { listed: page.length },
    };
  const complete = page.filter(({ timestamp }) => timestamp > last.timestamp);
  const next = behaviors.scanStall ? filters : limitDate(filters, last.timestamp);
  return {
    ...toJsonReply(200, {
      data: complete,
      hasNext: true,
      total: matching.length,
      nextQueryFilters: next,
    }),
    effect: { listed: complete.length },
  };
}

function limitDate(filters: unknown, lte: number): Record<string, unknown> {
  const { date, ...rest } = filters as { date?: object };
  return { ...rest, date: { ...date, lte } };
}

function recordFeedback(
  activities: GeneratedItems<Activity>,
  feedback: Feedback[],
  { exchange, fields }: ResourceCall,
): Reply {
  const id = exchange.params["id"] ?? "";
  if (!activities.find(id)) return cloudAppsFamily.notFound(exchange);
  if (typeof fields["feedbackValue"] !== "string")
    return toJsonReply(400, toFormError("feedbackValue"));
  feedback.push({ activity: id, content: fields });
  return { status: 200, body: "", effect: { feedback: id } };
}
