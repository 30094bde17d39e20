/**
 * Reads Defender XDR payloads as Microsoft Graph writes them: an alert of `alerts_v2`, an incident
 * with its alerts, or a list of either.
 */
import * as z from "zod/mini";
import type { InputFault } from "../contracts/input-faults.ts";
import {
  createNoClosingFault,
  findClosing,
  findText,
  hasMember,
  normalizeWord,
  toFaultResult,
  type PayloadResult,
  type PayloadVerdict,
} from "./payload.ts";

const text = z.nullish(z.string("must be text"));
const commonFields = {
  status: z.string("must be the status, such as new or resolved"),
  classification: text,
  determination: text,
  resolvingComment: text,
  assignedTo: text,
};

const alertSchema = z.looseObject({
  id: z.string("must be the alert's id"),
  ...commonFields,
  title: text,
  serviceSource: text,
  providerAlertId: text,
  alertWebUrl: text,
});
const incidentSchema = z.looseObject({
  id: z.string("must be the incident's id"),
  ...commonFields,
  displayName: z.string("must be the incident's name"),
  alerts: z.nullish(z.array(alertSchema, "must be the incident's alerts")),
});

type Alert = z.infer<typeof alertSchema>;
type Incident = z.infer<typeof incidentSchema>;
interface PayloadDraft {
  readonly verdicts: PayloadVerdict[];
  readonly skipped: InputFault[];
}

/** Returns the content, or the faults of a body that is neither an alert nor an incident. */
export function readDefender(body: unknown): PayloadResult {
  const list = z.looseObject({ value: z.array(z.unknown()) }).safeParse(body).data?.value;
  const draft: PayloadDraft = { verdicts: [], skipped: [] };
  for (const [index, each] of (list ?? [body]).entries()) {
    const issues = addItem(toGraphIncident(each), list ? `/value/${index}` : "", draft);
    if (issues) return toFaultResult({ issues });
  }
  return { kind: "content", search: [body], ...draft };
}

const apiIncident = z.looseObject({
  incidentId: z.union([z.string(), z.number()]),
  incidentName: text,
  comments: z.nullish(z.array(z.looseObject({ comment: text }))),
  alerts: z.nullish(z.array(z.looseObject({ alertId: text }))),
});

/**
 * Returns an incident of the Microsoft 365 Defender API in the words of Graph; any other value
 * unchanged.
 */
function toGraphIncident(value: unknown): unknown {
  // Alerts of Graph have an `incidentId`, too.
  if (!hasMember(value, "incidentName")) return value;
  const { data } = apiIncident.safeParse(value);
  if (!data) return value;
  return {
    ...data,
    id: String(data.incidentId),
    displayName: data.incidentName ?? `incident ${data.incidentId}`,
    resolvingComment: data.comments?.at(-1)?.comment,
    alerts: data.alerts?.map((alert) => ({
      status: data["status"],
      ...alert,
      id: alert.alertId,
    })),
  };
}

/** @returns the faults of an invalid item */
function addItem(
  value: unknown,
  path: string,
  draft: PayloadDraft,
): z.core.$ZodIssue[] | undefined {
  const withPathPrefix = (issues: readonly z.core.$ZodIssue[]) =>
    issues.map((issue) => ({ ...issue, path: [...splitPath(path), ...issue.path] }));
  if (isIncident(value)) {
    const { data, error } = incidentSchema.safeParse(value);
    if (!data) return withPathPrefix(error.issues);
    addIncident(data, path, draft);
  } else {
    const { data, error } = alertSchema.safeParse(value);
    if (!data) return withPathPrefix(error.issues);
    addAlert(data, path, undefined, draft);
  }
  return undefined;
}

const splitPath = (path: string): string[] => path.split("/").slice(1);
const isIncident = (value: unknown): boolean => hasMember(value, "displayName");
const isResolved = (status: string): boolean => normalizeWord(status) === "resolved";

function addIncident(incident: Incident, path: string, draft: PayloadDraft): void {
  if (!isResolved(incident.status)) return;
  for (const [index, each] of (incident.alerts ?? []).entries())
    addAlert({ ...each, status: incident.status }, `${path}/alerts/${index}`, incident, draft);
}

function addAlert(
  alert: Alert,
  path: string,
  parent: Incident | undefined,
  draft: PayloadDraft,
): void {
  if (!isResolved(alert.status) || !isCloudAppsAlert(alert)) return;
  const closing = findAlertClosing(alert, parent);
  if (!closing) {
    draft.skipped.push(createNoClosingFault(`${path}/classification`));
    return;
  }
  draft.verdicts.push({
    ...closing,
    comment: findText(parent?.resolvingComment, parent?.displayName, alert.title),
    by: findText(parent?.assignedTo, alert.assignedTo),
    alerts: [
      {
        path: `${path}/id`,
        ids: [alert.id, alert.providerAlertId, alert.alertWebUrl].filter(
          (id) => typeof id === "string",
        ),
      },
    ],
  });
}

/** An alert without a classification takes the incident's. */
const findAlertClosing = (alert: Alert, parent: Incident | undefined) =>
  findClosing(alert.classification, alert.determination) ??
  findClosing(parent?.classification, parent?.determination);

/** Alerts of other products are closed in their own portal. */
const isCloudAppsAlert = ({ id, serviceSource }: Alert): boolean =>
  /cloud ?apps?/i.test(serviceSource ?? "") || /^ca[0-9a-f]{24}$/i.test(id);
