/** The filterable and sortable fields of activities, with the operators each one takes. */
import type { Activity } from "./activity-draw.ts";
import { field, present } from "./field.ts";
import type { Fields } from "./filters.ts";

const equality = ["eq", "neq"] as const;
const settable = [...equality, "isset", "isnotset"] as const;
const named = [...settable, "startswith"] as const;

export const activityFields: Fields<Activity> = {
  service: field("int", equality, ({ appId }) => [appId]),
  instance: field("int", equality, ({ instance }) => [instance]),
  "user.orgUnit": field("text", settable, ({ user }) => present(user.orgUnit)),
  "user.username": field("text", named, ({ user }) => present(user.userName)),
  "user.tags": field("text", named, ({ user }) => user.tags),
  "user.domain": field("text", settable, ({ user }) => present(user.domain)),
  actionType: field("text", ["contains", ...settable], ({ actionType }) => present(actionType)),
  "activity.eventActionType": field("text", equality, ({ eventActionType }) => [eventActionType]),
  "activity.eventType": field("text", equality, ({ eventTypeName }) => [eventTypeName]),
  "activity.id": field("id", ["eq"], ({ _id }) => [_id]),
  "activity.alertId": field("id", ["eq"], ({ alertIds }) => alertIds),
  "activity.impersonated": field("bool", ["eq"], ({ impersonated }) => [impersonated]),
  "activity.type": field("bool", ["eq"], ({ isAdmin }) => [isAdmin]),
  "activity.takenAction": field("text", equality, ({ takenAction }) => present(takenAction)),
  activityObject: field("text", equality, ({ objects }) => objects),
  "device.type": field("text", equality, ({ device }) => present(device.type)),
  "device.tags": field("text", equality, ({ device }) => device.tags),
  "userAgent.userAgent": field("text", ["contains", "ncontains"], ({ userAgent }) => [
    userAgent.raw,
  ]),
  "userAgent.tags": field("text", equality, ({ userAgent }) => userAgent.tags),
  "location.country": field("text", settable, ({ location }) => present(location.countryCode)),
  "location.organizations": field("text", [...settable, "contains"], ({ location }) =>
    present(location.organization),
  ),
  "ip.address": field("text", [...named, "doesnotstartwith"], ({ device }) =>
    present(device.clientIP),
  ),
  "ip.category": field("int", equality, ({ ip }) => [ip.category]),
  "ip.tags": field("text", equality, ({ ip }) => ip.tags),
  fileSelector: field("text", equality, ({ files }) => files.map(({ id }) => id)),
  office365url: field("text", ["startswith", "eq", "endswith"], ({ files }) =>
    files.map(({ url }) => url),
  ),
  fileId: field("text", ["eq"], ({ files }) => files.map(({ id }) => id)),
  text: field("text", ["eq", "startswithsingle", "text"], ({ description }) => [description]),
  date: field("instant", ["lte", "gte", "range", "lte_ndays", "gte_ndays"], ({ timestamp }) => [
    timestamp,
  ]),
  created: field("instant", ["lte", "gte", "range", "gt", "lt", "eq"], ({ created }) => [created]),
  policy: field("text", settable, ({ policies }) => policies),
  source: field("int", equality, ({ source }) => [source]),
  entity: field("pk", named, ({ entityData }) =>
    Object.values(entityData).flatMap((entity) => (entity ? [entity.id] : [])),
  ),
};

export const activitySorts: Readonly<Record<string, (activity: Activity) => number>> = {
  date: ({ timestamp }) => timestamp,
  created: ({ created }) => created,
};
