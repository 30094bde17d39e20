/**
 * The description of every HTTP door, by the name under which it is registered in `functions/`.
 *
 * To add a door: register it, then describe it here, in the file of its kind, under the same name. Method, path and
 * authority are taken from the registration; schemas are those of `shared/messages`, named in `schemas.ts`; a new field
 * gets its sentence in `words.ts`. The build stops and names a door without a description, or a description without a
 * door; a test holds live answers against the schemas.
 */
import { alertsAndWebhooks } from "./alerts.ts";
import type { OperationDescription } from "./operation.ts";
import { filesAndJobs } from "./files.ts";
import { hunts } from "./hunts.ts";
import { lists } from "./lists.ts";
import { operations } from "./maintenance.ts";

export const describedOperations: Readonly<Record<string, OperationDescription>> = {
  ...hunts,
  ...filesAndJobs,
  ...alertsAndWebhooks,
  ...lists,
  ...operations,
};

/** The chapters, in reading order. */
export const tags = [
  { name: "Hunts", description: "Queries that run on a schedule, and what they exported." },
  { name: "Files", description: "What is known of a file by its hash." },
  { name: "Alerts", description: "Verdicts that close alerts, each once." },
  {
    name: "Jobs",
    description: "Work that outlives its request. The signed address of a job is its only key.",
  },
  { name: "Webhooks", description: "What other products send." },
  { name: "Operation", description: "Health, dead letters, and this description." },
] as const;
