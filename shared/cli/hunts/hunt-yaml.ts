/** Writes and tidies the YAML of imported hunts. */
import { Document, Scalar, isMap, isScalar, isSeq } from "yaml";
import { findMisspelledKeys } from "../../kql/compile/misspelled-keys.ts";
import type { SourceQuery } from "./find-queries.ts";

/**
 * Renames near misses of known keys and drops empty items of lists. Returns the changes in words.
 */
export function tidyDocument(document: Document): readonly string[] {
  if (!isMap(document.contents)) return [];
  const { items } = document.contents;
  const keys = items.map(({ key }) => String(isScalar(key) ? key.value : key));
  const changes = findMisspelledKeys(keys).map(({ key, knownKey }) => {
    const pair = items[keys.indexOf(key)];
    if (pair) pair.key = document.createNode(knownKey);
    return `${key} is now ${knownKey}`;
  });
  for (const { value } of items)
    if (isSeq(value)) value.items = value.items.filter((item) => !isEmptyItem(item));
  return changes;
}

const isEmptyItem = (item: unknown): boolean =>
  isScalar(item) &&
  (item.value === null || (typeof item.value === "string" && item.value.trim() === ""));

interface YamlOptions {
  readonly name: string;
  readonly enable: boolean;
  readonly changes: readonly string[];
}

/** A query as a YAML block, so that its lines stay as they are. */
export function toBlockText(query: string): Scalar {
  const block = new Scalar(`${query.trimEnd()}\n`);
  block.type = Scalar.BLOCK_LITERAL;
  return block;
}

/** Creates the YAML of one query from a text file. */
export function createHuntYaml(
  sourceQuery: SourceQuery,
  source: string,
  { name, enable, changes }: YamlOptions,
): string {
  const { description, severity, tactics, techniques, title } = sourceQuery;
  const document = new Document({
    name: title || name,
    description: description || title || name,
    ...(severity === undefined ? {} : { severity }),
    ...(tactics.length > 0 ? { tactics } : {}),
    ...(techniques.length > 0 ? { relevantTechniques: techniques } : {}),
    query: toBlockText(sourceQuery.query),
    enabled: enable,
  });
  const note = changes.length > 0 ? `\n Changed by the import: ${changes.join("; ")}.` : "";
  document.commentBefore = ` Imported from ${source.replaceAll(/[\r\n]/g, " ")}${note}`;
  return document.toString({ lineWidth: 110 });
}
