/** Reads what a Sentinel automation rule hands to a playbook: an incident with its alerts and entities, or one alert. */
import * as z from "zod/mini";
import {
  findClosing,
  createNoClosingFault,
  toSearchOnly,
  normalizeWord,
  toFaultResult,
  type PayloadResult,
  type PayloadVerdict,
} from "./payload.ts";

const text = z.nullish(z.string("text"));

const alertProperties = z.looseObject({
  providerAlertId: text,
  systemAlertId: text,
  productName: text,
  productComponentName: text,
  alertLink: text,
});
const alert = z.looseObject({ properties: z.optional(alertProperties) });

const incident = z.looseObject({
  objectSchemaType: z.optional(z.string()),
  object: z.looseObject(
    {
      properties: z.looseObject(
        {
          title: z.string("the incident's title"),
          status: z.string("the incident's status"),
          classification: text,
          classificationReason: text,
          classificationComment: text,
          owner: z.nullish(z.looseObject({ userPrincipalName: text, email: text })),
          alerts: z.nullish(z.array(alert, "the incident's alerts")),
        },
        "the incident's properties",
      ),
    },
    "the incident",
  ),
});

/** The alert trigger's body: names in capitals, entities as JSON in a string. */
const singleAlert = z.looseObject({
  SystemAlertId: z.string("the alert's id"),
  AlertDisplayName: text,
});

/** @returns what it asks for, or the faults of a body that is neither incident nor alert */
export function readSentinel(body: unknown): PayloadResult {
  if (typeof body === "object" && body !== null && "SystemAlertId" in body) {
    const { data, error } = singleAlert.safeParse(body);
    return data ? toSearchOnly(data) : toFaultResult(error);
  }
  const { data, error } = incident.safeParse(body);
  if (!data) return toFaultResult(error);
  const { properties } = data.object;
  if (normalizeWord(properties.status) !== "closed") return toSearchOnly(data);
  const closing = findClosing(
    properties.classification ?? undefined,
    properties.classificationReason ?? undefined,
  );
  if (!closing)
    return {
      ...toSearchOnly(data),
      skipped: [createNoClosingFault("/object/properties/classification")],
    };
  const alerts = (properties.alerts ?? []).flatMap(toCloudAppsAlerts);
  const verdict: PayloadVerdict = {
    ...closing,
    comment: properties.classificationComment ?? properties.title,
    by: properties.owner?.userPrincipalName ?? properties.owner?.email ?? undefined,
    alerts,
  };
  return {
    kind: "read",
    verdicts: alerts.length > 0 ? [verdict] : [],
    search: [data],
    skipped: [],
  };
}

function toCloudAppsAlerts(
  { properties }: z.infer<typeof alert>,
  index: number,
): PayloadVerdict["alerts"] {
  if (!properties) return [];
  const { providerAlertId, alertLink, productComponentName, productName } = properties;
  const products = `${productName ?? ""} ${productComponentName ?? ""}`;
  // Alerts of other products end in their own portal.
  if (!/cloud ?app/i.test(products) && !/^ca[0-9a-f]{24}$/i.test(providerAlertId ?? "")) return [];
  const ids = [providerAlertId, alertLink].filter((id) => typeof id === "string");
  return [{ path: `/object/properties/alerts/${index}/properties/providerAlertId`, ids }];
}
