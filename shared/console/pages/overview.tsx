/** Health with remedies, exported rows, quotas, verdicts, dead letters, expiring secrets. */
import { callApi, getJson, type Page } from "../api.ts";
import type { Health, HuntSummary, QuotaUsage, Trend, Verdict } from "../answers.ts";
import { linkTo } from "../router.ts";
import { useData } from "../use-data.ts";
import {
  Empty,
  Fact,
  formatCount,
  formatNumber,
  Gauge,
  Instant,
  Load,
  Section,
  StateBadge,
} from "../widgets.tsx";

const refreshMs = 30_000;

/** Reads the report; an unhealthy app answers 503 with the same body. */
const loadHealth = async (signal: AbortSignal): Promise<Health> =>
  (await callApi<Health>("health/report", { signal, accept: [503] })).body;

interface Totals {
  readonly lastDay: number;
  readonly lastMonth: number;
  readonly late: number;
}

async function loadTotals(signal: AbortSignal): Promise<Totals> {
  const { value: hunts } = await getJson<Page<HuntSummary>>("hunts", signal);
  const trends = await Promise.all(
    hunts
      .filter(({ enabled }) => enabled)
      .map(({ name }) => getJson<{ value: Trend }>(`hunts/${name}/trend`, signal)),
  );
  const days = trends.flatMap(({ value }) => value);
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const sum = (some: Trend, of: "rows" | "lateRows"): number =>
    some.reduce((total, one) => total + one[of], 0);
  return {
    lastDay: sum(
      days.filter(({ day }) => day >= yesterday),
      "rows",
    ),
    lastMonth: sum(days, "rows"),
    late: sum(days, "lateRows"),
  };
}

export function Overview() {
  const health = useData(loadHealth, [], refreshMs);
  const totals = useData(loadTotals, [], 2 * refreshMs);
  const quotas = useData((signal) => getJson<Page<QuotaUsage>>("quotas", signal), [], refreshMs);
  const verdicts = useData(
    (signal) => getJson<Page<Verdict>>("alerts/verdicts?top=100", signal),
    [],
    refreshMs,
  );
  return (
    <>
      <h1>Overview</h1>
      <Load from={health}>{(report) => <HealthSection report={report} />}</Load>
      <Section title="Exported rows">
        <Load from={totals}>
          {({ lastDay, lastMonth, late }) => (
            <dl class="facts">
              <Fact label="Since yesterday (UTC)">{formatNumber(lastDay)}</Fact>
              <Fact label="Last 30 days">{formatNumber(lastMonth)}</Fact>
              <Fact label="Late rows, last 30 days">{formatNumber(late)}</Fact>
            </dl>
          )}
        </Load>
      </Section>
      <Section title="Quotas">
        <Load from={quotas}>{({ value }) => <Quotas quotas={value} />}</Load>
      </Section>
      <Section title="Recent verdicts">
        <Load from={verdicts}>{({ value }) => <VerdictTotals verdicts={value} />}</Load>
      </Section>
    </>
  );
}

function HealthSection({ report }: { report: Health }) {
  const { deadLetters, retirement, secretsExpiring } = report;
  return (
    <Section title="Health">
      <p>
        <StateBadge state={report.status} />
      </p>
      {report.problems.length === 0 ? (
        <Empty>No problems. All enabled hunts run and all queues are processed.</Empty>
      ) : (
        <ul>
          {report.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      <dl class="facts">
        <Fact label="Dead letters">
          <a href={linkTo("deliveries")}>{formatNumber(deadLetters)}</a>
        </Fact>
        <Fact label="Secrets that expire within 30 days">
          {secretsExpiring.length === 0
            ? "none"
            : secretsExpiring.map(({ secret, expires }) => (
                <div key={secret}>
                  {secret}: <Instant value={expires} />
                </div>
              ))}
        </Fact>
        {retirement ? (
          <Fact label={`Retirement of the ${retirement.api} hunting API`}>
            {retirement.retiresOn} ({formatCount(retirement.daysLeft, "day")} left)
          </Fact>
        ) : null}
      </dl>
    </Section>
  );
}

const Quotas = ({ quotas }: { quotas: readonly QuotaUsage[] }) => (
  <div class="cards">
    {quotas.map((quota) => (
      <div class="card" key={quota.api}>
        <h3>{quota.api}</h3>
        <Gauge
          label="Last minute"
          value={quota.usedLastMinute}
          max={quota.limitPerMinute}
          text={`${quota.usedLastMinute} of ${quota.limitPerMinute} calls`}
        />
        {quota.limitPerHour === null ? null : (
          <Gauge
            label="Last hour"
            value={quota.usedLastHour}
            max={quota.limitPerHour}
            text={`${quota.usedLastHour} of ${formatNumber(quota.limitPerHour)} calls`}
          />
        )}
        <p class="muted">
          {quota.share < 1
            ? `Reserved for people: ${Math.round((1 - quota.share) * 100)} %.`
            : "Nothing reserved for people."}
        </p>
        {quota.breakerOpenUntil ? (
          <p>
            Stopped after failures until <Instant value={quota.breakerOpenUntil} />
          </p>
        ) : quota.pausedUntil ? (
          <p>
            Paused until <Instant value={quota.pausedUntil} />
          </p>
        ) : null}
      </div>
    ))}
  </div>
);

function VerdictTotals({ verdicts }: { verdicts: readonly Verdict[] }) {
  if (verdicts.length === 0)
    return (
      <Empty>
        No verdicts yet. Submit one on the <a href={linkTo("alerts")}>Alerts</a> page.
      </Empty>
    );
  const totals = new Map<string, number>();
  for (const { closure, alerts } of verdicts)
    totals.set(closure, (totals.get(closure) ?? 0) + alerts);
  return (
    <dl class="facts">
      {[...totals].map(([closure, alerts]) => (
        <Fact key={closure} label={closure}>
          {formatCount(alerts, "alert")}
        </Fact>
      ))}
    </dl>
  );
}
