/** Reads what a Sentinel automation rule hands to a playbook: an incident with its alerts and entities, or one alert. */
import * as z from "zod/mini";
import {
  closingFor,
  noClosing,
  onlySearched,
  plainWord,
  unreadable,
  type ReadPayload,
  type ReadVerdict,
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
const soleAlert = z.looseObject({
  SystemAlertId: z.string("the alert's id"),
  AlertDisplayName: text,
});

/** @returns what it asks for, or the faults of a body that is neither incident nor alert */
export function readSentinel(body: unknown): ReadPayload {
  if (typeof body === "object" && body !== null && "SystemAlertId" in body) {
    const { data, error } = soleAlert.safeParse(body);
    return data ? onlySearched(data) : unreadable(error);
  }
  const { data, error } = incident.safeParse(body);
  if (!data) return unreadable(error);
  const { properties } = data.object;
  if (plainWord(properties.status) !== "closed") return onlySearched(data);
  const closing = closingFor(
    properties.classification ?? undefined,
    properties.classificationReason ?? undefined,
  );
  if (!closing)
    return { ...onlySearched(data), left: [noClosing("/object/properties/classification")] };
  const alerts = (properties.alerts ?? []).flatMap(cloudAppsAlert);
  const verdict: ReadVerdict = {
    ...closing,
    comment: properties.classificationComment ?? properties.title,
    by: properties.owner?.userPrincipalName ?? properties.owner?.email ?? undefined,
    alerts,
  };
  return { kind: "read", verdicts: alerts.length > 0 ? [verdict] : [], search: [data], left: [] };
}

function cloudAppsAlert(
  { properties }: z.infer<typeof alert>,
  index: number,
): ReadVerdict["alerts"] {
  if (!properties) return [];
  const { providerAlertId, alertLink, productComponentName, productName } = properties;
  const products = `${productName ?? ""} ${productComponentName ?? ""}`;
  // Alerts of other products end in their own portal.
  if (!/cloud ?app/i.test(products) && !/^ca[0-9a-f]{24}$/i.test(providerAlertId ?? "")) return [];
  const ids = [providerAlertId, alertLink].filter((id) => typeof id === "string");
  return [{ path: `/object/properties/alerts/${index}/properties/providerAlertId`, ids }];
}
