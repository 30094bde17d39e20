/** Reads the payload that a Defender for Cloud Apps policy sends to Power Automate. */
import * as z from "zod/mini";
import { toFaultResult, toSearchOnly, type PayloadResult } from "./payload.ts";

const payload = z.looseObject({
  ProviderAlertId: z.string("must be the alert's id"),
  AlertDisplayName: z.nullish(z.string()),
});

/** Returns the content, or the fault of a body without an alert id. */
export function readCloudApps(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data ? toSearchOnly(data) : toFaultResult(error);
}
