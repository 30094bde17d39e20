/** Reads and orders dynamic values as JSON. */
import { parseJson, toLong } from "./values.ts";

/** Sorts the keys of bags at every level. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

/** Reads `$.a.b[0]` in JSON text. */
export function readJsonPath(path: string, text: string): string {
  const keys = [...path.replace(/^\$/, "").matchAll(/\.?([^.[\]]+)|\[['"]?([^'"\]]+)['"]?\]/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  let value: unknown = parseJson(text);
  for (const key of keys)
    value = Array.isArray(value)
      ? (value as readonly unknown[])[Number(toLong(key) ?? -1n)]
      : value !== null && typeof value === "object"
        ? (value as Record<string, unknown>)[key]
        : undefined;
  return value === undefined || value === null
    ? ""
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}
