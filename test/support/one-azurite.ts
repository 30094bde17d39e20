/** Vitest's global set-up: one Azurite for the whole run, with accounts enough that no two test files share one. */
import type { TestProject } from "vitest/node";
import { startAzurite } from "./azurite.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the first account; `account.ts` puts another name in. */
    readonly azurite: string;
  }
}

const accounts = Array.from({ length: 400 }, (_, index) => `huntline${index}`);

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const azurite = await startAzurite({ accounts });
  project.provide("azurite", azurite.connectionString("huntline0"));
  return azurite.stop;
}
