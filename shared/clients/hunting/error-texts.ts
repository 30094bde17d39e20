/**
 * Texts of the hunting service by what they mean. The service returns 400 for a wrong query, a
 * result that is too big, a query that is too heavy and a used-up budget alike, so its text
 * decides. An unlisted text means nothing is known.
 */

/** `query` and `table` are the only classes that make a hunt invalid. */
export type ErrorClass =
  | "query"
  | "table"
  | "tooBig"
  | "preempted"
  | "timedOut"
  | "runTime"
  | "transient";

interface KnownText {
  readonly pattern: RegExp;
  readonly errorClass: ErrorClass;
  readonly source: keyof typeof sources;
}

/** Where a text is documented or was observed. */
const sources = {
  errorsPage: "Microsoft Learn, Handle advanced hunting errors (page of 2025-03-28)",
  graph: "microsoftgraph/msgraph-sdk-powershell #3188, microsoft-graph-docs #21554",
  defender: "Microsoft Learn, Advanced hunting API; MicrosoftDocs/microsoft-365-docs #5874",
  engine: "Microsoft Learn, Kusto: Query limits, Runaway queries, Partial query failures",
} as const;

/**
 * Most specific first. Texts about the query come first, because they quote names of the query: a
 * column may be named `TimedOut`.
 */
export const knownTexts: readonly KnownText[] = [
  { pattern: /failed to resolve table\b/i, errorClass: "table", source: "graph" },
  { pattern: /\bfix semantic errors\b/i, errorClass: "query", source: "graph" },
  { pattern: /\bquery (?:has a|has) semantic error/i, errorClass: "query", source: "graph" },
  { pattern: /\bcontains syntax errors\b/i, errorClass: "query", source: "graph" },
  { pattern: /\bfailed to resolve \w+/i, errorClass: "query", source: "errorsPage" },
  { pattern: /\brecognition error occurred\b/i, errorClass: "query", source: "errorsPage" },
  { pattern: /\b(?:semantic|syntax) error: /i, errorClass: "query", source: "engine" },
  { pattern: /\bS(?:EM|YN)\d{4}\b/, errorClass: "query", source: "engine" },
  { pattern: /\bE_QUERY_RESULT_SET_TOO_LARGE\b/, errorClass: "tooBig", source: "engine" },
  {
    pattern: /\bresult set has exceeded the internal\b/i,
    errorClass: "tooBig",
    source: "engine",
  },
  { pattern: /\bresult size limit exceeded\b/i, errorClass: "tooBig", source: "errorsPage" },
  {
    pattern: /\bexceeded the allowed (?:result size|(?:amount|number) of results)\b/i,
    errorClass: "tooBig",
    source: "defender",
  },
  {
    pattern: /\bexceeded processing resources allocated\b/i,
    errorClass: "runTime",
    source: "errorsPage",
  },
  {
    pattern: /\bE_(?:RUNAWAY_QUERY|LOW_MEMORY_CONDITION)\b/,
    errorClass: "preempted",
    source: "engine",
  },
  { pattern: /\bexceeded the memory budget\b/i, errorClass: "preempted", source: "engine" },
  { pattern: /\blacks memory resources\b/i, errorClass: "preempted", source: "engine" },
  {
    pattern: /\bexcessive (?:amounts? of )?resource(?:s|\b)/i,
    errorClass: "preempted",
    source: "errorsPage",
  },
  { pattern: /\bpreempted\b/i, errorClass: "preempted", source: "graph" },
  { pattern: /\bexceeded the allowed limits\b/i, errorClass: "preempted", source: "graph" },
  {
    pattern: /\bexceeded the timeout period\b/i,
    errorClass: "timedOut",
    source: "errorsPage",
  },
  { pattern: /\blonger than the assigned timeout\b/i, errorClass: "timedOut", source: "defender" },
  { pattern: /\b(?:timed[ -]?out|E_QUERY_TIMEOUT)\b/i, errorClass: "timedOut", source: "engine" },
  {
    pattern: /\bunexpected error occurred\b/i,
    errorClass: "transient",
    source: "errorsPage",
  },
  { pattern: /\baborted due to throttling\b/i, errorClass: "transient", source: "engine" },
];

/** Returns the class of a text, or `undefined` for an unknown one. */
export const classifyErrorText = (message: string): ErrorClass | undefined =>
  knownTexts.find(({ pattern }) => pattern.test(message))?.errorClass;
