/** Reads the payload that Defender for Cloud Apps hands to Power Automate when a policy raises an alert. */
import * as z from "zod/mini";
import { toSearchOnly, toFaultResult, type PayloadResult } from "./payload.ts";

const payload = z.looseObject({
  ProviderAlertId: z.string("the alert's id"),
  AlertDisplayName: z.optional(z.nullable(z.string())),
});

/** @returns what it asks for, or the fault of a body without an alert's id */
export function readCloudApps(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data ? toSearchOnly(data) : toFaultResult(error);
}
