/**
 * Connects the KQL evaluator to the dataset: the only file of the simulator that imports the
 * evaluator.
 */
import { evaluateQuery } from "../../../shared/kql/evaluate/evaluate.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Evaluate } from "./evaluation.ts";

export const createDatasetEvaluate =
  (dataset: Dataset): Evaluate =>
  (query, context) =>
    evaluateQuery(query, { dataset, ...context });
