/** Joins the KQL evaluator to the tenant's world. */
import type { World } from "../world/world.ts";
import { cannedEvaluate } from "./canned.ts";
import type { Evaluate } from "./evaluation.ts";

export const worldEvaluate = (world: World): Evaluate => cannedEvaluate(world);
