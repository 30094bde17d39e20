/** Mutants for the suite of changes: one replacement each in the app's source. */
import type { SourceMutant } from "./source-mutants.ts";

export const changeMutants: Readonly<Record<string, SourceMutant>> = {
  "identity over all columns": {
    file: "shared/hunts/log/shared-columns.ts",
    from: "return match !== undefined && (match.type === undefined || match.type === type);",
    to: "return match === undefined || true;",
  },
  "the type of a column not compared": {
    file: "shared/hunts/log/shared-columns.ts",
    from: "(match.type === undefined || match.type === type)",
    to: "true",
  },
  "the columns of rows not reported": {
    file: "shared/clients/hunting/hunting-api.ts",
    from: "sink.rowColumns?.(columns);",
    to: "",
  },
  "an answer without a schema read without columns": {
    file: "shared/clients/hunting/hunting-api.ts",
    from: "createRowShape(firstColumns ?? compiled ?? [],",
    to: "createRowShape(firstColumns ?? [],",
  },
  "extra members of rows dropped": {
    file: "shared/hunts/log/staged-columns.ts",
    from: 'return this.#areIncomplete && this.#format !== "ndjson";',
    to: "return false;",
  },
  "numbers compared by their spelling": {
    file: "shared/hunts/log/compared-text.ts",
    from: "toPlainNumber(isText ? text.slice(1, -1) : text) ?? text",
    to: "text",
  },
  "a result without its time column exported": {
    file: "shared/hunts/query/time-column.ts",
    from: "return columns.some(",
    to: "return true || columns.some(",
  },
  "an unknown refusal taken for a wrong query": {
    file: "shared/clients/hunting/refusals.ts",
    from: "return toUnknownRefusal(sentence);\n    default:\n      return errorClass",
    to: 'return toRefusal("query", sentence);\n    default:\n      return errorClass',
  },
  "no cap on the wait that a service requests": {
    file: "shared/http-pipeline/read-failure.ts",
    from: "waitMs: Math.min(maxMs, waitMs)",
    to: "waitMs",
  },
  "a refused token handed out again": {
    file: "shared/http-pipeline/token.ts",
    from: "    this.#cached = undefined;\n    this.#refused =",
    to: "    this.#refused =",
  },
  "the process's clock believed": {
    file: "shared/hunts/run/handle-run-message.ts",
    from: "ticksFromMs(await deps.exports.serverNowMs())",
    to: "ticksFromMs(deps.nowMs())",
  },
};
