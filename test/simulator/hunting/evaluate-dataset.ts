/** Joins the KQL evaluator to the tenant's world: the only file of the tenant that knows the evaluator. */
import { evaluate } from "../../../shared/kql/evaluate/evaluate.ts";
import type { World } from "../dataset/dataset.ts";
import type { Evaluate } from "./evaluation.ts";

export const worldEvaluate =
  (world: World): Evaluate =>
  (query, asked) =>
    evaluate(query, { world, ...asked });
