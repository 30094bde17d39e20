/** The filterable and sortable fields of alerts, with the operators each one takes. */
import type { Alert } from "./alert-store.ts";
import { isOpen } from "./alert-store.ts";
import { field, present } from "./field.ts";
import type { Fields } from "./filters.ts";

type Of = (alert: Alert) => readonly unknown[];

const ofType =
  (...types: string[]): Of =>
  (alert) =>
    alert.entities.filter(({ type }) => types.includes(String(type)));

const idsOf =
  (...types: string[]): Of =>
  (alert) =>
    ofType(...types)(alert).map((entity) => (entity as { id: unknown }).id);

const equality = ["eq", "neq"] as const;
const instants = ["lte", "gte", "range"] as const;

export const alertFields: Fields<Alert> = {
  id: field("id", equality, (alert) => [alert._id]),
  "entity.entity": field("pk", equality, ofType("account", "user", "device")),
  "entity.user": field("pk", equality, ofType("account", "user")),
  "entity.ip": field("text", equality, idsOf("ip")),
  "entity.service": field("int", equality, idsOf("service")),
  "entity.instance": field("int", equality, (alert) =>
    alert.entities.flatMap(({ inst }) => present(inst)),
  ),
  "entity.policy": field("text", equality, idsOf("policyRule")),
  "entity.file": field("text", equality, idsOf("file")),
  alertOpen: field("bool", ["eq"], (alert) => [isOpen(alert)]),
  severity: field("int", equality, (alert) => [alert.severityValue]),
  resolutionStatus: field("int", equality, (alert) => present(alert.resolutionStatusValue)),
  read: field("bool", ["eq"], (alert) => [alert.statusValue !== 0]),
  date: field("instant", [...instants, "lte_ndays", "gte_ndays"], (alert) => [alert.timestamp]),
  resolutionDate: field("instant", instants, (alert) =>
    present(alert.resolveTime).map((text) => Date.parse(String(text))),
  ),
  risk: field("int", equality, (alert) => present(alert["threatScore"])),
  alertType: field("int", equality, (alert) => [alert.idValue]),
  source: field("int", ["eq"], (alert) => [alert["isSystemAlert"] === true ? 0 : 1]),
};

export const alertSorts: Readonly<Record<string, (alert: Alert) => number>> = {
  date: (alert) => alert.timestamp,
  severity: (alert) => alert.severityValue,
};
