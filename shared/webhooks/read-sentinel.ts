/**
 * Reads what Sentinel sends to a playbook: an incident with its alerts and entities (as the
 * automation rule wraps it, or the bare incident), one alert, or one entity.
 */
import * as z from "zod/mini";
import {
  createNoClosingFault,
  findClosing,
  findText,
  hasMember,
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

const incident = z.looseObject({ properties: incidentProperties }, "must be the incident");
const wrappedIncident = z.looseObject({ object: incident });

/** The body of the alert trigger: names in upper camel case, entities as JSON in a string. */
const singleAlert = z.looseObject({
  SystemAlertId: z.string("must be the alert's id"),
  AlertDisplayName: text,
});

/** Returns the content, or the faults of a body that is not an incident, an alert or an entity. */
export function readSentinel(body: unknown): PayloadResult {
  if (hasMember(body, "objectSchemaType") && body["objectSchemaType"] === "Entity")
    return toSearchOnly(body);
  if (hasMember(body, "SystemAlertId")) {
    const { data, error } = singleAlert.safeParse(body);
    return data ? toSearchOnly(data) : toFaultResult(error);
  }
  if (hasMember(body, "properties")) {
    const { data, error } = incident.safeParse(body);
    return data ? readIncident(data.properties, "/properties", body) : toFaultResult(error);
  }
  const { data, error } = wrappedIncident.safeParse(body);
  return data
    ? readIncident(data.object.properties, "/object/properties", data)
    : toFaultResult(error);
}

function readIncident(
  properties: z.infer<typeof incidentProperties>,
  path: string,
  body: unknown,
): PayloadResult {
  if (normalizeWord(properties.status) !== "closed") return toSearchOnly(body);
  const closing = findClosing(properties.classification, properties.classificationReason);
  if (!closing)
    return { ...toSearchOnly(body), skipped: [createNoClosingFault(`${path}/classification`)] };
  const alerts = (properties.alerts ?? []).flatMap((each, index) =>
    toCloudAppsAlerts(each, `${path}/alerts/${index}`),
  );
  const { classificationComment, owner, title } = properties;
  const verdict: PayloadVerdict = {
    ...closing,
    comment: findText(classificationComment, title),
    by: findText(owner?.userPrincipalName, owner?.email),
    alerts,
  };
  return { ...toSearchOnly(body), verdicts: alerts.length > 0 ? [verdict] : [] };
}

function toCloudAppsAlerts(
  { properties }: z.infer<typeof alert>,
  path: string,
): PayloadVerdict["alerts"] {
  if (!properties) return [];
  const { providerAlertId, alertLink, productComponentName, productName } = properties;
  const products = `${productName ?? ""} ${productComponentName ?? ""}`;
  // Alerts of other products are closed in their own portal.
  if (!/cloud ?app/i.test(products) && !/^ca[0-9a-f]{24}$/i.test(providerAlertId ?? "")) return [];
  const ids = [providerAlertId, alertLink].filter((id) => typeof id === "string");
  return [{ path: `${path}/properties/providerAlertId`, ids }];
}
