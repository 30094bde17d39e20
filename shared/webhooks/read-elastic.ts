/**
 * Reads the body of Kibana's webhook connector. The rule's owner writes its template; required are
 * the rule's name or id and the alerts, as a list or as JSON text.
 */
import * as z from "zod/mini";
import { toFaultResult, toSearchOnly, type PayloadResult } from "./payload.ts";

const name = z.optional(z.string("must be text"));
const alerts = z.optional(
  z.union(
    [z.array(z.unknown()), z.string(), z.record(z.string(), z.unknown())],
    "must be a list of alerts",
  ),
);

const payload = z
  .looseObject({
    rule: z
      .looseObject({ id: name, name }, "must be the rule: { id, name }")
      .check(
        z.refine(
          ({ id, name: ruleName }) => id !== undefined || ruleName !== undefined,
          "must have a name or an id",
        ),
      ),
    alerts,
    alert: alerts,
    context: z.optional(z.looseObject({ alerts })),
  })
  .check(
    z.refine((body) => findAlerts(body) !== undefined, {
      message: 'must be the alerts, such as "alerts": [{{{context.alerts}}}]',
      path: ["alerts"],
    }),
  );

/** Returns the content, or the faults of a body without a rule or without alerts. */
export function readElastic(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data ? toSearchOnly(findAlerts(data)) : toFaultResult(error);
}

const findAlerts = (body: {
  readonly alerts?: unknown;
  readonly alert?: unknown;
  readonly context?: { readonly alerts?: unknown } | undefined;
}): unknown => body.alerts ?? body.alert ?? body.context?.alerts;
