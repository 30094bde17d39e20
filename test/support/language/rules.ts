/**
 * Measures the project's language: retired words, quaint phrases, one-word function names and test
 * titles without a verb. `node test/support/language/report.ts` prints the figures;
 * `language.test.ts` checks them.
 */
import { readFileSync } from "node:fs";
import { projectFiles, readSource, type Located, type SourceFile } from "./sources.ts";

interface RetiredWords {
  readonly identifiers: readonly string[];
  readonly texts: readonly string[];
}

const retired = JSON.parse(
  readFileSync(new URL("../retired-words.json", import.meta.url), "utf8"),
) as RetiredWords;

/** Phrases that the project does not use, each with a replacement. */
const quaintPhrases: readonly { readonly phrase: RegExp; readonly instead: string }[] = [
  { phrase: /\b(?:whoever|somebody|nobody)\b/gi, instead: "name the actor" },
  { phrase: /\bone's own\b/gi, instead: "name the owner" },
  { phrase: /\bwhat (?:has |had )?(?:became|becomes|become) of\b/gi, instead: "the outcome of" },
  { phrase: /\b(?:came|comes|come) of\b/gi, instead: "results from" },
  { phrase: /\blies\b/gi, instead: "is, is stored" },
  { phrase: /\bstands\b/gi, instead: "is" },
  { phrase: /\b(?:goes|go|going|went) on\b/gi, instead: "continues" },
  { phrase: /\b(?:is|are|was|were|be|been) told\b/gi, instead: "receives, reports" },
  { phrase: /\bspeaks? of\b/gi, instead: "describes" },
  { phrase: /\b(?:besides|anew|kin)\b/gi, instead: "also, again, kind" },
  { phrase: /\bso (?:long|many)\b/gi, instead: "state the measure" },
  { phrase: /\bis no (?!longer\b|more\b)[a-z]+/gi, instead: "is not a, invalid" },
  { phrase: /\bwants?\b/gi, instead: "must be, requires" },
];

/** Parses all TypeScript of the product and of its tests. */
export const allSources = (): SourceFile[] =>
  projectFiles(/^(?:functions|shared|test)\/.*\.tsx?$/).map(readSource);

const prosePattern = /\.(?:md|bicep|ya?ml|sh)$/;

/** Returns the lines of documents and the comment lines of all files other than TypeScript. */
export function documentLines(): Located[] {
  return projectFiles(prosePattern).flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .map((text, index) => ({ file, line: index + 1, text }))
      .filter(({ text }) => file.endsWith(".md") || /#|\/\/|@description|description:/.test(text)),
  );
}

/** Splits an identifier into words: `findLogEnd` has three. */
const wordsOf = (identifier: string): string[] =>
  identifier
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .split(/[\s_$#]+/)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());

const retiredIdentifiers = new Set(retired.identifiers.map((word) => word.toLowerCase()));
// A file name such as `desk.cpl` is not prose.
const retiredInTexts = new RegExp(`\\b(?:${retired.texts.join("|")})\\b(?!\\.\\w)`, "gi");

/** Returns identifiers that contain a retired word. */
export const retiredNames = (source: SourceFile): Located[] =>
  source.identifiers.filter(({ text }) =>
    wordsOf(text).some((word) => retiredIdentifiers.has(word)),
  );

/** Returns retired words in a text. */
export const retiredWords = (place: Located): Located[] =>
  [...place.text.matchAll(retiredInTexts)].map(([text]) => ({ ...place, text }));

/** Returns quaint phrases in a comment or a line of a document. */
export const quaintIn = (place: Located): Located[] =>
  quaintPhrases.flatMap(({ instead, phrase }) =>
    [...place.text.matchAll(phrase)].map((match) => ({
      file: place.file,
      line: place.line + place.text.slice(0, match.index).split("\n").length - 1,
      text: `"${match[0]}": ${instead}`,
    })),
  );

/** Returns the functions of `functions/` and `shared/`, and those whose name is one word. */
export function functionNames(sources: readonly SourceFile[]): {
  readonly all: readonly Located[];
  readonly oneWord: readonly Located[];
} {
  const all = sources
    .filter(({ file }) => !file.startsWith("test/"))
    .flatMap(({ functions }) => functions);
  return { all, oneWord: all.filter(({ text }) => wordsOf(text).length === 1) };
}

/** Returns names in backticks in comments that are not in the code. */
export function unknownNames(sources: readonly SourceFile[]): Located[] {
  const known = new Set(sources.flatMap(({ identifiers }) => identifiers.map(({ text }) => text)));
  const texts = sources.flatMap(({ strings }) => strings.map(({ text }) => text)).join("\n");
  return sources.flatMap(({ comments }) =>
    comments.flatMap((comment) =>
      [...comment.text.matchAll(/`([A-Za-z_$][\w$]*[a-z][A-Z][\w$]*)(?:\(\))?`/g)]
        .filter(([, name = ""]) => !known.has(name) && !texts.includes(name))
        .map((match) => ({ ...comment, text: match[1] ?? "" })),
    ),
  );
}

const verb =
  /\b(?:is|are|was|were|has|have|had|does|do|did|can|cannot|could|may|might|must|shall|will|would|need|agree|match|stay|keep|hold|take|give|get|leave|become|remain|differ|fit|run|end|start|fail|pass|equal|count|cost|wait|reach|return|read|write|show|say|share|name|find|lose|make|close|open|use|see|send|answer|come|join|bring|add|stop|change|follow|survive|work|mean|belong|apply|exist)\b/i;
const thirdPerson = /\b[a-z]{2,}(?:s|es)\b/;
const endsInS =
  /^(?:.*\b(?:rows|hunts|files|alerts|hashes|verdicts|settings|names|values|calls|ids|windows|exports|types|columns|bytes|tests|messages|records|jobs|this|its|less|as|us|https|access|process|address|success|previous|always|across|plus|minus|news|status|class)\b.*)$/i;

/** True for a title that is a sentence: it has a finite verb. */
export function hasVerb(title: string): boolean {
  if (verb.test(title)) return true;
  return title
    .split(/[^A-Za-z'-]+/)
    .some((word) => thirdPerson.test(word.toLowerCase()) && !endsInS.test(word));
}

/** Returns the titles of all tests. */
export function testTitles(sources: readonly SourceFile[]): Located[] {
  return sources
    .filter(({ file }) => file.endsWith(".test.ts"))
    .flatMap(({ code, file }) =>
      [
        ...code.matchAll(
          /^[ \t]*(?:test|it)(?:\.\w+(?:\([^()]*\))?)*\(\s*(["'`])((?:\\.|(?!\1).)*)\1/gm,
        ),
        ...code.matchAll(/\]\)\(\s*(["'`])((?:\\.|(?!\1).)*)\1/g),
      ].map((match) => ({
        file,
        line: code.slice(0, match.index).split("\n").length,
        text: match[2] ?? "",
      })),
    );
}
