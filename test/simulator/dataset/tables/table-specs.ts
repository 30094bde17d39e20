/** All generators of the dataset. */
import type { TableSpec } from "../simulated-event.ts";
import { activityTables } from "./activity.ts";
import { alertTables } from "./alerts.ts";
import { identityTables } from "./identity.ts";
import { mailTables } from "./mail.ts";
import { processTables } from "./process.ts";

export const tableSpecs: readonly TableSpec[] = [
  ...processTables,
  ...activityTables,
  ...identityTables,
  ...mailTables,
  ...alertTables,
];
