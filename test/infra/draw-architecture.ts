/** Draws `infra/architecture.txt`, boxes in a grid and arrows between them, as SVG. */

interface Box {
  readonly column: number;
  readonly row: number;
  readonly lines: readonly string[];
}

const width = 230;
const height = 104;
const gapX = 110;
const gapY = 72;
const margin = 20;

const xOf = ({ column }: Box): number => margin + column * (width + gapX);
const yOf = ({ row }: Box): number => margin + row * (height + gapY);
const escapeXml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @throws Error with a line that is not a box, an arrow or a comment */
export function drawArchitecture(text: string): string {
  const boxes = new Map<string, Box>();
  const arrows: string[] = [];
  for (const line of text.split("\n").filter((one) => one.trim() !== "" && !one.startsWith("#"))) {
    const box = /^box +(\w+) +(\d+) +(\d+) +(.+)$/.exec(line);
    const arrow = /^arrow +(\w+) +(\w+) +(.+)$/.exec(line);
    if (box) {
      const [, name = "", column, row, words = ""] = box;
      boxes.set(name, {
        column: Number(column),
        row: Number(row),
        lines: words.split("|").map((one) => one.trim()),
      });
    } else if (arrow) {
      const [, from = "", to = "", word = ""] = arrow;
      arrows.push(drawArrow(findBox(boxes, from, line), findBox(boxes, to, line), word));
    } else throw new Error(`neither box nor arrow: ${line}`);
  }
  const all = [...boxes.values()];
  const right = Math.max(...all.map(xOf)) + width + margin;
  const bottom = Math.max(...all.map(yOf)) + height + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${right} ${bottom}" font-family="sans-serif" font-size="13" role="img">`,
    "<title>Huntline in Azure</title>",
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...all.map(drawBox),
    ...arrows,
    "</svg>\n",
  ].join("\n");
}

function findBox(boxes: ReadonlyMap<string, Box>, name: string, line: string): Box {
  const box = boxes.get(name);
  if (!box) throw new Error(`no box ${name} above: ${line}`);
  return box;
}

function drawBox(box: Box): string {
  const [x, y] = [xOf(box), yOf(box)];
  const lines = box.lines.map(
    (line, index) =>
      `<text x="${x + 12}" y="${y + 24 + index * 21}"${index === 0 ? ' font-weight="bold"' : ' fill="#444"'}>${escapeXml(line)}</text>`,
  );
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="#f2f6fc" stroke="#2b579a"/>${lines.join("")}`;
}

/** Draws an arrow between sides or corners, by the positions of the boxes. */
function drawArrow(from: Box, to: Box, word: string): string {
  const [across, down] = [Math.sign(to.column - from.column), Math.sign(to.row - from.row)];
  const x1 = xOf(from) + width / 2 + (across * width) / 2;
  const y1 = yOf(from) + height / 2 + (down * height) / 2;
  const x2 = xOf(to) + width / 2 - (across * width) / 2;
  const y2 = yOf(to) + height / 2 - (down * height) / 2;
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2 - (down === 0 ? 7 : -4)];
  const label = `<text x="${x}" y="${y}" text-anchor="middle" font-size="11" paint-order="stroke" stroke="#fff" stroke-width="4">${escapeXml(word)}</text>`;
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#000" marker-end="url(#tip)"/>${label}`;
}
