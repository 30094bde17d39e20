/** The filterable and sortable fields of activities, with the operators that each one accepts. */
import type { Activity } from "./draw-activity.ts";
import { defineField, toValues } from "./define-field.ts";
import type { Fields } from "./filters.ts";

const equality = ["eq", "neq"] as const;
const settable = [...equality, "isset", "isnotset"] as const;
const named = [...settable, "startswith"] as const;

export const activityFields: Fields<Activity> = {
  service: defineField("int", equality, ({ appId }) => [appId]),
  instance: defineField("int", equality, ({ instance }) => [instance]),
  "user.orgUnit": defineField("text", settable, ({ user }) => toValues(user.orgUnit)),
  "user.username": defineField("text", named, ({ user }) => toValues(user.userName)),
  "user.tags": defineField("text", named, ({ user }) => user.tags),
  "user.domain": defineField("text", settable, ({ user }) => toValues(user.domain)),
  actionType: defineField("text", ["contains", ...settable], ({ actionType }) =>
    toValues(actionType),
  ),
  "activity.eventActionType": defineField("text", equality, ({ eventActionType }) => [
    eventActionType,
  ]),
  "activity.eventType": defineField("text", equality, ({ eventTypeName }) => [eventTypeName]),
  "activity.id": defineField("id", ["eq"], ({ _id }) => [_id]),
  "activity.alertId": defineField("id", ["eq"], ({ alertIds }) => alertIds),
  "activity.impersonated": defineField("bool", ["eq"], ({ impersonated }) => [impersonated]),
  "activity.type": defineField("bool", ["eq"], ({ isAdmin }) => [isAdmin]),
  "activity.takenAction": defineField("text", equality, ({ takenAction }) => toValues(takenAction)),
  activityObject: defineField("text", equality, ({ objects }) => objects),
  "device.type": defineField("text", equality, ({ device }) => toValues(device.type)),
  "device.tags": defineField("text", equality, ({ device }) => device.tags),
  "userAgent.userAgent": defineField("text", ["contains", "ncontains"], ({ userAgent }) => [
    userAgent.raw,
  ]),
  "userAgent.tags": defineField("text", equality, ({ userAgent }) => userAgent.tags),
  "location.country": defineField("text", settable, ({ location }) =>
    toValues(location.countryCode),
  ),
  "location.organizations": defineField("text", [...settable, "contains"], ({ location }) =>
    toValues(location.organization),
  ),
  "ip.address": defineField("text", [...named, "doesnotstartwith"], ({ device }) =>
    toValues(device.clientIP),
  ),
  "ip.category": defineField("int", equality, ({ ip }) => [ip.category]),
  "ip.tags": defineField("text", equality, ({ ip }) => ip.tags),
  fileSelector: defineField("text", equality, ({ files }) => files.map(({ id }) => id)),
  office365url: defineField("text", ["startswith", "eq", "endswith"], ({ files }) =>
    files.map(({ url }) => url),
  ),
  fileId: defineField("text", ["eq"], ({ files }) => files.map(({ id }) => id)),
  text: defineField("text", ["eq", "startswithsingle", "text"], ({ description }) => [description]),
  date: defineField(
    "instant",
    ["lte", "gte", "range", "lte_ndays", "gte_ndays"],
    ({ timestamp }) => [timestamp],
  ),
  created: defineField("instant", ["lte", "gte", "range", "gt", "lt", "eq"], ({ created }) => [
    created,
  ]),
  policy: defineField("text", settable, ({ policies }) => policies),
  source: defineField("int", equality, ({ source }) => [source]),
  entity: defineField("pk", named, ({ entityData }) =>
    Object.values(entityData).flatMap((entity) => (entity ? [entity.id] : [])),
  ),
};

export const activitySorts: Readonly<Record<string, (activity: Activity) => number>> = {
  date: ({ timestamp }) => timestamp,
  created: ({ created }) => created,
};
