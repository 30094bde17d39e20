/**
 * Reads what Kibana's webhook connector posts. Its body is a template of the rule's owner; asked for is the rule's name
 * or id and the alerts, as a list or as the JSON text that `{{context.alerts}}` becomes.
 */
import * as z from "zod/mini";
import { toSearchOnly, toFaultResult, type PayloadResult } from "./payload.ts";

const name = z.optional(z.string("text"));
const alerts = z.optional(
  z.union(
    [z.array(z.unknown()), z.string(), z.record(z.string(), z.unknown())],
    "a list of alerts",
  ),
);

const payload = z
  .looseObject({
    rule: z
      .looseObject({ id: name, name }, "the rule: { id, name }")
      .check(
        z.refine(
          ({ id, name: ruleName }) => id !== undefined || ruleName !== undefined,
          "a name or an id",
        ),
      ),
    alerts,
    alert: alerts,
    context: z.optional(z.looseObject({ alerts })),
  })
  .check(
    z.refine((body) => (body.alerts ?? body.alert ?? body.context?.alerts) !== undefined, {
      message: 'the alerts, such as "alerts": {{{context.alerts}}}',
      path: ["alerts"],
    }),
  );

/** @returns what it asks for, or the faults of a body without a rule or without alerts */
export function readElastic(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data
    ? toSearchOnly(data.alerts ?? data.alert ?? data.context?.alerts)
    : toFaultResult(error);
}
