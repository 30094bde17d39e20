/** Reads the parameters of a hunt's file and places them before its query. */
import type { HuntParameter } from "../../contracts/compiled-hunt.ts";
import type { HuntDefinition } from "../../contracts/hunt-definition.ts";
import {
  describeParameterForm,
  formatParameterLets,
  formatParameterValue,
} from "../../contracts/hunt-parameters.ts";
import type { QuerySchema } from "../language/schema.ts";
import { analyzeQuery, type Analysis } from "./analysis.ts";
import type { Edit } from "./edits.ts";

/** The parameters of a file with their defaults, and what is wrong with them. */
export interface ReadParameters {
  readonly parameters: readonly HuntParameter[];
  readonly problems: readonly string[];
}

/** Reads the key `parameters`; texts in which a parameter may occur are the query and `known`. */
export function readParameters(
  { parameters: declared = {} }: HuntDefinition,
  texts: readonly string[],
  schema: QuerySchema,
): ReadParameters {
  const problems: string[] = [];
  const parameters = Object.entries(declared).map(
    ([name, { type, default: value, description }]) => {
      const literal = formatParameterValue(type, value);
      if (literal === undefined)
        problems.push(`/parameters/${name}/default: must be ${describeParameterForm(type)}`);
      if (name in schema.tables)
        problems.push(`/parameters/${name}: must not have the name of a table`);
      if (!texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)))
        problems.push(`/parameters/${name}: is not used by the query; remove it or use it`);
      return {
        name,
        type,
        literal: literal ?? "",
        description: description?.trim() ?? "",
        isFixed: false,
      };
    },
  );
  return { parameters, problems };
}

/** Returns the edits that replace each value before the query by its slot. */
export function createParameterEdits(parameters: readonly HuntParameter[]): readonly Edit[] {
  let offset = 0;
  return parameters.map((parameter) => {
    const { name, literal } = parameter;
    const start = offset + `let ${name} = `.length;
    offset += formatParameterLets([parameter]).length;
    return {
      start,
      end: start + literal.length,
      replacement: [{ slot: `parameter:${name}` as const }],
    };
  });
}

/** Values that differ from any default that one of them equals. */
const otherLiterals: Readonly<Record<string, readonly string[]>> = {
  timespan: ["1h", "7d"],
  long: ["long(1)", "long(7)"],
  int: ["int(1)", "int(7)"],
};

/** Marks the parameters whose value decides how wide a window may be. */
export function markFixedParameters(
  parameters: readonly HuntParameter[],
  query: string,
  { widestMs, schema }: Analysis,
): readonly HuntParameter[] {
  return parameters.map((parameter, index) => {
    const decidesWidth = (otherLiterals[parameter.type] ?? []).some((literal) => {
      const changed = parameters.with(index, { ...parameter, literal });
      return analyzeQuery(formatParameterLets(changed) + query, schema).widestMs !== widestMs;
    });
    return { ...parameter, isFixed: decidesWidth };
  });
}
