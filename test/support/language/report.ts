/**
 * `node test/support/language/report.ts [--list]`: prints the figures of `rules.ts`, with `--list`
 * each place.
 */
import {
  allSources,
  documentLines,
  functionNames,
  hasVerb,
  quaintIn,
  retiredNames,
  retiredWords,
  testTitles,
  unknownNames,
} from "./rules.ts";
import type { Located } from "./sources.ts";

const isListed = process.argv.includes("--list");
const onlyUnder = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const isWanted = ({ file }: Located): boolean =>
  onlyUnder.length === 0 || onlyUnder.some((folder) => file.startsWith(folder));

function report(what: string, places: readonly Located[], outOf?: number): void {
  const listed = places.filter(isWanted);
  const share =
    outOf === undefined ? "" : ` of ${outOf} (${((100 * listed.length) / outOf).toFixed(1)} %)`;
  process.stdout.write(`${what}: ${listed.length}${share}\n`);
  if (!isListed) return;
  for (const { file, line, text } of listed) process.stdout.write(`  ${file}:${line} ${text}\n`);
}

const sources = allSources();
const comments = sources.flatMap((source) => source.comments);
const titles = testTitles(sources);
const { all, oneWord } = functionNames(sources);
report("quaint phrases in comments", comments.flatMap(quaintIn));
report("quaint phrases in documents", documentLines().flatMap(quaintIn));
report("retired words in identifiers", sources.flatMap(retiredNames));
report(
  "retired words in texts",
  [...sources.flatMap(({ strings }) => strings), ...comments, ...documentLines()].flatMap(
    retiredWords,
  ),
);
report("names in comments that exist nowhere", unknownNames(sources));
report("one-word function names", oneWord, all.filter(isWanted).length);
report(
  "titles without a verb",
  titles.filter(({ text }) => !hasVerb(text)),
  titles.filter(isWanted).length,
);
