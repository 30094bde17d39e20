/** The filterable and sortable fields of alerts, with the operators that each one accepts. */
import type { Alert } from "./alert-store.ts";
import { isOpen } from "./alert-store.ts";
import { defineField, toValues } from "./define-field.ts";
import type { Fields } from "./filters.ts";

type ReadValues = (alert: Alert) => readonly unknown[];

const readEntitiesOfType =
  (...types: string[]): ReadValues =>
  (alert) =>
    alert.entities.filter(({ type }) => types.includes(String(type)));

const readEntityIds =
  (...types: string[]): ReadValues =>
  (alert) =>
    readEntitiesOfType(...types)(alert).map((entity) => (entity as { id: unknown }).id);

const equality = ["eq", "neq"] as const;
const instants = ["lte", "gte", "range"] as const;

export const alertFields: Fields<Alert> = {
  id: defineField("id", equality, (alert) => [alert._id]),
  "entity.entity": defineField("pk", equality, readEntitiesOfType("account", "user", "device")),
  "entity.user": defineField("pk", equality, readEntitiesOfType("account", "user")),
  "entity.ip": defineField("text", equality, readEntityIds("ip")),
  "entity.service": defineField("int", equality, readEntityIds("service")),
  "entity.instance": defineField("int", equality, (alert) =>
    alert.entities.flatMap(({ inst }) => toValues(inst)),
  ),
  "entity.policy": defineField("text", equality, readEntityIds("policyRule")),
  "entity.file": defineField("text", equality, readEntityIds("file")),
  alertOpen: defineField("bool", ["eq"], (alert) => [isOpen(alert)]),
  severity: defineField("int", equality, (alert) => [alert.severityValue]),
  resolutionStatus: defineField("int", equality, (alert) => toValues(alert.resolutionStatusValue)),
  read: defineField("bool", ["eq"], (alert) => [alert.statusValue !== 0]),
  date: defineField("instant", [...instants, "lte_ndays", "gte_ndays"], (alert) => [
    alert.timestamp,
  ]),
  resolutionDate: defineField("instant", instants, (alert) =>
    toValues(alert.resolveTime).map((text) => Date.parse(String(text))),
  ),
  risk: defineField("int", equality, (alert) => toValues(alert["threatScore"])),
  alertType: defineField("int", equality, (alert) => [alert.idValue]),
  source: defineField("int", ["eq"], (alert) => [alert["isSystemAlert"] === true ? 0 : 1]),
};

export const alertSorts: Readonly<Record<string, (alert: Alert) => number>> = {
  date: (alert) => alert.timestamp,
  severity: (alert) => alert.severityValue,
};
