/** Brings values that mean the same into one text, so that rows can be compared. */
import type { KqlType } from "../../contracts/compiled-hunt.ts";

const numericTypes: ReadonlySet<KqlType | undefined> = new Set(["int", "long", "real", "decimal"]);

/**
 * Returns the text by which the value of a column is compared. A service may write a number as text
 * after its column changed type, and two APIs spell one number in two ways: neither makes another
 * value. A dynamic value, and one whose type is not known, is compared as it is.
 *
 * @param text - the JSON text of the value; not null
 */
export function toComparedText(type: KqlType | undefined, text: string): string {
  if (type === undefined || type === "dynamic") return text;
  const isText = text.startsWith('"');
  if (numericTypes.has(type)) return toPlainNumber(isText ? text.slice(1, -1) : text) ?? text;
  return isText || /^[[{]/.test(text) ? text : JSON.stringify(text);
}

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/;

/** Returns a number as `digits e exponent` without zeros at either end; undefined for other text. */
function toPlainNumber(text: string): string | undefined {
  const match = numberPattern.exec(text);
  if (!match) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}
