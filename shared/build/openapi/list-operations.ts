/**
 * The description of every HTTP function, by its name.
 *
 * To add one: register it in `functions/`, then describe it here, in the file of its kind. Method,
 * path and key come from the registration; schemas are those of `shared/contracts`, named in
 * `schemas.ts`; a new field gets a sentence in `field-descriptions.ts`. The build stops at a
 * function without a description and at a description without a function.
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
