/** Reads XML as bags: elements, attributes and text; everything else is left out. */

interface XmlElement {
  readonly name: string;
  /** Attributes as `@name`, then child elements. */
  readonly members: Map<string, unknown>;
  text: string;
}

const tokenPattern =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<![^>]*>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/y;
const attributePattern = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The service returns null for a longer text. */
const maxLength = 1_048_576;

/** Returns the document as a bag with the root element's name; null for text that is not XML. */
export function parseXml(text: string): unknown {
  if (text.length > maxLength) return null;
  const root: XmlElement = { name: "", members: new Map(), text: "" };
  const open: XmlElement[] = [root];
  let position = 0;
  while (position < text.length) {
    tokenPattern.lastIndex = position;
    const match = tokenPattern.exec(text);
    if (match === null || !applyToken(match, open)) return null;
    position = tokenPattern.lastIndex;
  }
  const isWhole = open.length === 1 && root.members.size === 1 && root.text.trim() === "";
  return isWhole ? Object.fromEntries(root.members) : null;
}

/** Applies one token to the open elements; false if it does not fit. */
function applyToken(match: RegExpExecArray, open: XmlElement[]): boolean {
  const [, cdata, closing, opening, attributes = "", selfClosing, text] = match;
  const current = open.at(-1);
  if (current === undefined) return false;
  if (cdata !== undefined) current.text += cdata;
  else if (text !== undefined) current.text += decodeEntities(text);
  else if (opening !== undefined) {
    const element: XmlElement = { name: opening, members: readAttributes(attributes), text: "" };
    if (selfClosing === "/") addElement(current, element);
    else open.push(element);
  } else if (closing !== undefined) {
    const parent = open.at(-2);
    if (current.name !== closing || parent === undefined) return false;
    open.pop();
    addElement(parent, current);
  }
  return true;
}

const readAttributes = (text: string): Map<string, unknown> =>
  new Map(
    [...text.matchAll(attributePattern)].map(([, name = "", double, single]) => [
      `@${name}`,
      decodeEntities(double ?? single ?? ""),
    ]),
  );

/** Elements of one name become an array. */
function addElement({ members }: XmlElement, element: XmlElement): void {
  const value = toValue(element);
  if (!members.has(element.name)) {
    members.set(element.name, value);
    return;
  }
  const former = members.get(element.name);
  members.set(
    element.name,
    Array.isArray(former) ? [...(former as unknown[]), value] : [former, value],
  );
}

/** An element with neither attributes nor children is its text; an empty one is null. */
function toValue({ members, text }: XmlElement): unknown {
  const trimmed = text.trim();
  if (members.size === 0) return trimmed === "" ? null : trimmed;
  if (trimmed !== "") members.set("#text", trimmed);
  return Object.fromEntries(members);
}

const decodeEntities = (text: string): string =>
  text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole: string, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
