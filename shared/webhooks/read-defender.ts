/** Reads Defender XDR as Microsoft Graph writes it: an alert of `alerts_v2`, an incident with its alerts, or a list of either. */
import * as z from "zod/mini";
import {
  closingFor,
  noClosing,
  plainWord,
  unreadable,
  type ReadPayload,
  type ReadVerdict,
} from "./payload.ts";
import type { InputFault } from "../http/problem.ts";

const text = z.nullish(z.string("text"));
const words = {
  status: z.string("its status, such as new or resolved"),
  classification: text,
  determination: text,
  resolvingComment: text,
  assignedTo: text,
};

const alert = z.looseObject({
  id: z.string("the alert's id"),
  ...words,
  title: text,
  serviceSource: text,
  providerAlertId: text,
  alertWebUrl: text,
});
const incident = z.looseObject({
  id: z.string("the incident's id"),
  ...words,
  displayName: z.string("the incident's name"),
  alerts: z.nullish(z.array(alert, "the incident's alerts")),
});

type Alert = z.infer<typeof alert>;
type Incident = z.infer<typeof incident>;
interface Found {
  readonly verdicts: ReadVerdict[];
  readonly left: InputFault[];
}

/** @returns what it asks for, or the faults of what is neither alert nor incident */
export function readDefender(body: unknown): ReadPayload {
  const listed = z.looseObject({ value: z.array(z.unknown()) }).safeParse(body).data?.value;
  const found: Found = { verdicts: [], left: [] };
  for (const [index, each] of (listed ?? [body]).entries()) {
    const issues = addOne(each, listed ? `/value/${index}` : "", found);
    if (issues) return unreadable({ issues });
  }
  return { kind: "read", search: [body], ...found };
}

/** @returns the faults of what cannot be read */
function addOne(value: unknown, path: string, into: Found): z.core.$ZodIssue[] | undefined {
  const under = (issues: readonly z.core.$ZodIssue[]) =>
    issues.map((issue) => ({ ...issue, path: [...steps(path), ...issue.path] }));
  if (isIncident(value)) {
    const { data, error } = incident.safeParse(value);
    if (!data) return under(error.issues);
    addIncident(data, path, into);
  } else {
    const { data, error } = alert.safeParse(value);
    if (!data) return under(error.issues);
    addAlert(data, path, undefined, into);
  }
  return undefined;
}

const steps = (path: string): string[] => path.split("/").slice(1);
const isIncident = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "displayName" in value;
const isOver = (status: string): boolean => plainWord(status) === "resolved";

/** Alerts keep a classification of their own; where they have none, the incident's counts. */
function addIncident(found: Incident, path: string, into: Found): void {
  if (!isOver(found.status)) return;
  for (const [index, each] of (found.alerts ?? []).entries())
    addAlert({ ...each, status: found.status }, `${path}/alerts/${index}`, found, into);
}

function addAlert(found: Alert, path: string, above: Incident | undefined, into: Found): void {
  if (!isOver(found.status) || !isOfCloudApps(found)) return;
  const closing =
    closingFor(found.classification ?? undefined, found.determination ?? undefined) ??
    closingFor(above?.classification ?? undefined, above?.determination ?? undefined);
  if (!closing) {
    into.left.push(noClosing(`${path}/classification`));
    return;
  }
  into.verdicts.push({
    ...closing,
    comment: above?.resolvingComment ?? above?.displayName ?? found.title ?? undefined,
    by: above?.assignedTo ?? found.assignedTo ?? undefined,
    alerts: [
      {
        path: `${path}/id`,
        ids: [found.id, found.providerAlertId, found.alertWebUrl].filter(
          (id) => typeof id === "string",
        ),
      },
    ],
  });
}

/** Alerts of other products end in their own portal. */
const isOfCloudApps = ({ id, serviceSource }: Alert): boolean =>
  /cloud ?apps?/i.test(serviceSource ?? "") || /^ca[0-9a-f]{24}$/i.test(id);
