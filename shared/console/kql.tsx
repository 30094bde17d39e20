/** Highlights KQL: comments, strings, numbers, operators of the language, functions. */

const keywords =
  "as|asc|by|consume|count|datatable|desc|distinct|evaluate|extend|externaldata|facet|find|fork|from|getschema|graph-match|has|has_all|has_any|has_cs|contains|contains_cs|startswith|endswith|matches|regex|in|between|and|or|not|invoke|join|kind|let|limit|lookup|make-graph|make-series|materialize|mv-apply|mv-expand|nulls|first|last|on|order|parse|parse-kv|parse-where|partition|print|project|project-away|project-keep|project-rename|project-reorder|range|reduce|render|sample|sample-distinct|scan|search|serialize|sort|summarize|take|to|top|top-hitters|top-nested|typeof|union|where|with|true|false|null";

const tokenPattern = new RegExp(
  [
    String.raw`(?<comment>//[^\n]*)`,
    String.raw`(?<text>[hH]?@?"(?:[^"\\\n]|\\.)*"|[hH]?@?'(?:[^'\\\n]|\\.)*')`,
    String.raw`(?<number>\b\d+(?:\.\d+)?(?:ms|us|ns|d|h|m|s|tick)?\b)`,
    String.raw`(?<call>\b[a-z_]\w*(?=\s*\())`,
    String.raw`(?<keyword>\b(?:${keywords})\b)`,
  ].join("|"),
  "gi",
);

interface Token {
  readonly kind: string;
  readonly text: string;
}

/** Splits a query into tokens; joined, they are the query. */
function tokenizeQuery(query: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of query.matchAll(tokenPattern)) {
    if (match.index > end) tokens.push({ kind: "plain", text: query.slice(end, match.index) });
    const [kind = "plain"] =
      Object.entries(match.groups ?? {}).find(([, text]) => Boolean(text)) ?? [];
    tokens.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < query.length) tokens.push({ kind: "plain", text: query.slice(end) });
  return tokens;
}

export const Query = ({ query }: { query: string }) => (
  <pre class="query" tabIndex={0} aria-label="Query">
    <code>
      {tokenizeQuery(query).map(({ kind, text }, index) => (
        <span key={index} class={`kql-${kind}`}>
          {text}
        </span>
      ))}
    </code>
  </pre>
);
