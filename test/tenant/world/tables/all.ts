/** Every generator of the world. */
import type { TableSpec } from "../happening.ts";
import { processTables } from "./process.ts";

export const specs: readonly TableSpec[] = [...processTables];
