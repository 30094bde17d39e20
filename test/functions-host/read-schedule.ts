import { parseNcrontab, type CronSchedule } from "../../shared/runtime/ncrontab.ts";

/** @throws Error that names the schedule and its fault */
export function readSchedule(text: string): CronSchedule {
  const parsed = parseNcrontab(text);
  if (parsed.kind === "invalid") throw new Error(`schedule "${text}": ${parsed.message}`);
  return parsed.schedule;
}
