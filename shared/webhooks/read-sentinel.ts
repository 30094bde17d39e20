/**
 * Reads what a Sentinel automation rule sends to a playbook: an incident with its alerts and
 * entities, or one alert.
 */
import * as z from "zod/mini";
import {
  createNoClosingFault,
  findClosing,
  normalizeWord,
  toFaultResult,
  toSearchOnly,
  type PayloadResult,
  type PayloadVerdict,
} from "./payload.ts";

const text = z.nullish(z.string("must be text"));

const alertProperties = z.looseObject({
  providerAlertId: text,
  systemAlertId: text,
  productName: text,
  productComponentName: text,
  alertLink: text,
});
const alert = z.looseObject({ properties: z.optional(alertProperties) });

const incidentProperties = z.looseObject(
  {
    title: z.string("must be the incident's title"),
    status: z.string("must be the incident's status"),
    classification: text,
    classificationReason: text,
    classificationComment: text,
    owner: z.nullish(z.looseObject({ userPrincipalName: text, email: text })),
    alerts: z.nullish(z.array(alert, "must be the incident's alerts")),
  },
  "must be the incident's properties",
);

const incident = z.looseObject({
  objectSchemaType: z.optional(z.string()),
  object: z.looseObject({ properties: incidentProperties }, "must be the incident"),
});

/** The body of the alert trigger: names in upper camel case, entities as JSON in a string. */
const singleAlert = z.looseObject({
  SystemAlertId: z.string("must be the alert's id"),
  AlertDisplayName: text,
});

/** Returns the content, or the faults of a body that is neither an incident nor an alert. */
export function readSentinel(body: unknown): PayloadResult {
  if (typeof body === "object" && body !== null && "SystemAlertId" in body) {
    const { data, error } = singleAlert.safeParse(body);
    return data ? toSearchOnly(data) : toFaultResult(error);
  }
  const { data, error } = incident.safeParse(body);
  if (!data) return toFaultResult(error);
  const { properties } = data.object;
  if (normalizeWord(properties.status) !== "closed") return toSearchOnly(data);
  const closing = findClosing(properties.classification, properties.classificationReason);
  if (!closing)
    return {
      ...toSearchOnly(data),
      skipped: [createNoClosingFault("/object/properties/classification")],
    };
  const alerts = (properties.alerts ?? []).flatMap(toCloudAppsAlerts);
  const verdict: PayloadVerdict = { ...closing, ...describeClosing(properties), alerts };
  return { ...toSearchOnly(data), verdicts: alerts.length > 0 ? [verdict] : [] };
}

const describeClosing = ({
  classificationComment,
  owner,
  title,
}: z.infer<typeof incidentProperties>) => ({
  comment: classificationComment ?? title,
  by: owner?.userPrincipalName ?? owner?.email ?? undefined,
});

function toCloudAppsAlerts(
  { properties }: z.infer<typeof alert>,
  index: number,
): PayloadVerdict["alerts"] {
  if (!properties) return [];
  const { providerAlertId, alertLink, productComponentName, productName } = properties;
  const products = `${productName ?? ""} ${productComponentName ?? ""}`;
  // Alerts of other products are closed in their own portal.
  if (!/cloud ?app/i.test(products) && !/^ca[0-9a-f]{24}$/i.test(providerAlertId ?? "")) return [];
  const ids = [providerAlertId, alertLink].filter((id) => typeof id === "string");
  return [{ path: `/object/properties/alerts/${index}/properties/providerAlertId`, ids }];
}
