/** Reads Defender XDR as Microsoft Graph writes it: an alert of `alerts_v2`, an incident with its alerts, or a list of either. */
import * as z from "zod/mini";
import {
  findClosing,
  createNoClosingFault,
  normalizeWord,
  toFaultResult,
  type PayloadResult,
  type PayloadVerdict,
} from "./payload.ts";
import type { InputFault } from "../contracts/input-faults.ts";

const text = z.nullish(z.string("text"));
const commonFields = {
  status: z.string("its status, such as new or resolved"),
  classification: text,
  determination: text,
  resolvingComment: text,
  assignedTo: text,
};

const alertSchema = z.looseObject({
  id: z.string("the alert's id"),
  ...commonFields,
  title: text,
  serviceSource: text,
  providerAlertId: text,
  alertWebUrl: text,
});
const incidentSchema = z.looseObject({
  id: z.string("the incident's id"),
  ...commonFields,
  displayName: z.string("the incident's name"),
  alerts: z.nullish(z.array(alertSchema, "the incident's alerts")),
});

type Alert = z.infer<typeof alertSchema>;
type Incident = z.infer<typeof incidentSchema>;
interface PayloadDraft {
  readonly verdicts: PayloadVerdict[];
  readonly skipped: InputFault[];
}

/** @returns what it asks for, or the faults of what is neither alert nor incident */
export function readDefender(body: unknown): PayloadResult {
  const list = z.looseObject({ value: z.array(z.unknown()) }).safeParse(body).data?.value;
  const draft: PayloadDraft = { verdicts: [], skipped: [] };
  for (const [index, each] of (list ?? [body]).entries()) {
    const issues = addItem(each, list ? `/value/${index}` : "", draft);
    if (issues) return toFaultResult({ issues });
  }
  return { kind: "read", search: [body], ...draft };
}

/** @returns the faults of what cannot be read */
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
const isIncident = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "displayName" in value;
const isResolved = (status: string): boolean => normalizeWord(status) === "resolved";

/** Alerts keep a classification of their own; where they have none, the incident's counts. */
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
  const closing =
    findClosing(alert.classification ?? undefined, alert.determination ?? undefined) ??
    findClosing(parent?.classification ?? undefined, parent?.determination ?? undefined);
  if (!closing) {
    draft.skipped.push(createNoClosingFault(`${path}/classification`));
    return;
  }
  draft.verdicts.push({
    ...closing,
    comment: parent?.resolvingComment ?? parent?.displayName ?? alert.title ?? undefined,
    by: parent?.assignedTo ?? alert.assignedTo ?? undefined,
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

/** Alerts of other products end in their own portal. */
const isCloudAppsAlert = ({ id, serviceSource }: Alert): boolean =>
  /cloud ?apps?/i.test(serviceSource ?? "") || /^ca[0-9a-f]{24}$/i.test(id);
