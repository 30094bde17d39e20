/** Reads a hunt's YAML file with the positions of its keys, so that errors name their line. */
import { LineCounter, isMap, isScalar, parseDocument, type Scalar } from "yaml";
import type { LineColumn } from "../language/position.ts";
import { describeYamlError } from "./yaml-messages.ts";

/** A parsed YAML file. */
export interface YamlSource {
  /** Plain values; undefined if the text is not a YAML mapping. */
  readonly values: unknown;
  /** Errors of the YAML itself. */
  readonly errors: readonly (LineColumn & { readonly message: string })[];
  /** Returns where a key's value begins; the file's start if the key is missing. */
  readonly locateKey: (key: string) => LineColumn;
  /** Converts a position in a text value to its position in the file. */
  readonly locateInValue: (key: string, position: LineColumn) => LineColumn;
}

/** Reads one hunt's file. */
export function readYaml(text: string): YamlSource {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const map = isMap(document.contents) ? document.contents : undefined;
  const findScalar = (key: string): Scalar | undefined => {
    const node: unknown = map?.get(key, true);
    return isScalar(node) ? node : undefined;
  };
  const locateKey = (key: string): LineColumn => {
    const pair = map?.items.find((item) => isScalar(item.key) && item.key.value === key);
    const keyStart = pair && isScalar(pair.key) ? pair.key.range[0] : undefined;
    return keyStart === undefined
      ? { line: 1, column: 1 }
      : positionOf(counter, findScalar(key)?.range?.[0] ?? keyStart);
  };
  const values: unknown = document.errors.length > 0 ? undefined : document.toJS();
  return {
    values: map ? values : undefined,
    errors: document.errors.slice(0, 1).map((error) => {
      const { message, offset } = describeYamlError(text, error);
      return { message, ...positionOf(counter, offset) };
    }),
    locateKey,
    locateInValue: (key, position) => locateWithin(text, findScalar(key), locateKey(key), position),
  };
}

const positionOf = (counter: LineCounter, offset: number): LineColumn => {
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
};

/**
 * In a block (`|`) each line of the value is a line of the file; other styles map one line only.
 */
function locateWithin(
  text: string,
  node: Scalar | undefined,
  start: LineColumn,
  position: LineColumn,
): LineColumn {
  const value = typeof node?.value === "string" ? node.value : "";
  if (node?.type === "BLOCK_LITERAL") {
    const line = start.line + position.line;
    const fileLine = text.split(/\r\n|\n|\r/)[line - 1] ?? "";
    const valueLine = value.split("\n")[position.line - 1] ?? "";
    return { line, column: Math.max(fileLine.length - valueLine.length, 0) + position.column };
  }
  if (value.includes("\n") || node?.type === "BLOCK_FOLDED") return start;
  const quoteWidth = node?.type === "PLAIN" ? 0 : 1;
  return { line: start.line, column: start.column + quoteWidth + position.column - 1 };
}
