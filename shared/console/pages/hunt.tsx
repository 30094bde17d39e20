/** One hunt: description, query, schedule, trend, exports, rows, runs. */
import { getJson } from "../api.ts";
import type { HuntDetail, Trend } from "../answers.ts";
import { TrendChart } from "../charts.tsx";
import { Query } from "../kql.tsx";
import { linkTo } from "../router.ts";
import { readConfig } from "../session.ts";
import { useData } from "../use-data.ts";
import { useExports } from "../use-pages.ts";
import {
  Fact,
  formatDuration,
  Instant,
  Load,
  Notice,
  Section,
  ShowMore,
  StateBadge,
} from "../widgets.tsx";
import { Exports } from "./hunt-exports.tsx";
import { HuntRuns } from "./hunt-runs.tsx";

export function Hunt({ name }: { name: string }) {
  const hunt = useData((signal) => getJson<HuntDetail>(`hunts/${name}`, signal), [name], 30_000);
  const trend = useData(
    (signal) => getJson<{ value: Trend }>(`hunts/${name}/trend`, signal),
    [name],
    60_000,
  );
  const exports = useExports(name, 30_000);
  return (
    <>
      <p>
        <a href={linkTo("hunts")}>All hunts</a>
      </p>
      <Load from={hunt}>
        {(detail) => (
          <>
            <h1>{detail.title}</h1>
            <HuntFacts hunt={detail} />
            <Section title="Rows by day">
              <Load from={trend}>{({ value }) => <TrendChart days={value} />}</Load>
            </Section>
            <HuntRuns
              hunt={detail}
              onDone={() => {
                exports.reload();
                trend.reload();
                hunt.reload();
              }}
            />
            <Section title="Exports">
              <Load from={exports}>{({ items }) => <Exports hunt={detail} exports={items} />}</Load>
              <ShowMore list={exports} />
            </Section>
            <Section title="Query">
              <Query query={detail.query} />
              <PortalLink query={detail.query} />
            </Section>
          </>
        )}
      </Load>
    </>
  );
}

function HuntFacts({ hunt }: { hunt: HuntDetail }) {
  const isHeld = hunt.state === "degraded" || hunt.state === "invalid" || hunt.state === "blocked";
  return (
    <>
      <p>{hunt.description}</p>
      {isHeld ? (
        <Notice tone="warning">
          Exports are held: the hunt is {hunt.state}. {hunt.reason}
        </Notice>
      ) : null}
      {hunt.warnings.map((warning) => (
        <Notice key={warning} tone="warning">
          {warning}
        </Notice>
      ))}
      <dl class="facts">
        <Fact label="State">
          <StateBadge state={hunt.enabled ? hunt.state : "disabled"} />
        </Fact>
        <Fact label="Severity">{hunt.severity ?? "none"}</Fact>
        <Fact label="Owner">{hunt.owner ?? "none"}</Fact>
        <Fact label="Runbook">{hunt.runbook ?? "none"}</Fact>
        <Fact label="Review by">{hunt.reviewBy ?? "no date"}</Fact>
        <Fact label="Schedule">
          <code>{hunt.schedule}</code> (every {formatDuration(hunt.intervalSeconds)})
        </Fact>
        <Fact label="Watermark">
          <Instant value={hunt.watermark} />
        </Fact>
        <Fact label="Mode">
          {hunt.mode}: {hunt.modeReason}
        </Fact>
        <Fact label="Tactics">{hunt.tactics.join(", ") || "none"}</Fact>
        <Fact label="Techniques">{hunt.techniques.join(", ") || "none"}</Fact>
        <Fact label="Tables">{hunt.tables.join(", ")}</Fact>
        <Fact label="Format">{hunt.format}</Fact>
      </dl>
      <HuntNotes hunt={hunt} />
    </>
  );
}

/** What people know about the results: parameters, expected rows, harmless results. */
function HuntNotes({
  hunt: { falsePositives, known, parameters, suppressed },
}: {
  hunt: HuntDetail;
}) {
  return (
    <>
      {parameters.length > 0 ? (
        <Section title="Parameters">
          <ul>
            {parameters.map(({ name, type, value, description }) => (
              <li key={name}>
                <code>
                  {name}: {type} = {value}
                </code>{" "}
                {description}
              </li>
            ))}
          </ul>
        </Section>
      ) : null}
      {known.length > 0 ? (
        <Section title="Known rows, left out">
          <ul>
            {known.map(({ where, until, why }) => (
              <li key={where}>
                <code>{where}</code> until <Instant value={until} />: {why}
              </li>
            ))}
          </ul>
          {suppressed ? (
            <p>
              {suppressed.rows} left out between <Instant value={suppressed.from} /> and{" "}
              <Instant value={suppressed.to} />.
            </p>
          ) : null}
        </Section>
      ) : null}
      {falsePositives.length > 0 ? (
        <Section title="Harmless results">
          <ul>
            {falsePositives.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Section>
      ) : null}
    </>
  );
}

/** Opens the portal's hunting page, which takes the query as gzipped UTF-16LE in base64. */
async function openInPortal(query: string): Promise<void> {
  const utf16 = Uint16Array.from(query.split(""), (unit) => unit.charCodeAt(0));
  const stream = new Blob([utf16]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const url = new URL("/v2/advanced-hunting", readConfig().portalUrl);
  url.searchParams.set("query", btoa(String.fromCharCode(...bytes)));
  url.searchParams.set("timeRangeId", "month");
  open(url.href, "_blank", "noopener,noreferrer");
}

const PortalLink = ({ query }: { query: string }) => (
  <p>
    <fluent-button onClick={() => void openInPortal(query)}>Open in Defender portal</fluent-button>
  </p>
);
