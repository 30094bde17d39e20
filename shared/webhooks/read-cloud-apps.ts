/**
 * Reads alerts of Defender for Cloud Apps: the payload that a policy sends to Power Automate, or
 * alerts as the Cloud Apps API writes them, one or a list.
 */
import * as z from "zod/mini";
import { hasMember, toFaultResult, toSearchOnly, type PayloadResult } from "./payload.ts";

const policyAlert = z.looseObject({
  ProviderAlertId: z.string("must be the alert's id"),
  AlertDisplayName: z.nullish(z.string()),
});
const apiAlert = z.looseObject({ _id: z.string("must be the alert's id") });
const apiList = z.looseObject({ data: z.array(apiAlert, "must be a list of alerts") });

/** Returns the content, or the fault of a body without an alert id. */
export function readCloudApps(body: unknown): PayloadResult {
  const schema = hasMember(body, "_id")
    ? apiAlert
    : hasMember(body, "data")
      ? apiList
      : policyAlert;
  const { data, error } = schema.safeParse(body);
  return data ? toSearchOnly(data) : toFaultResult(error);
}
