/**
 * One verdict: its status, which follows itself, and undo. One alert: its state and audit trail.
 */
import { useState } from "preact/hooks";
import { ApiError, callApi, getJson } from "../api.ts";
import type { AlertHistory, Operation, VerdictResult, VerdictUndone } from "../answers.ts";
import { linkTo } from "../router.ts";
import { Table, type Column } from "../table.tsx";
import { useData } from "../use-data.ts";
import { useJob } from "../use-job.ts";
import {
  Empty,
  ErrorBox,
  Fact,
  formatCount,
  Instant,
  Load,
  Notice,
  Section,
  StateBadge,
} from "../widgets.tsx";

type AlertStatus = VerdictResult["alerts"][number];

const columns: readonly Column<AlertStatus>[] = [
  { title: "Alert", cell: ({ alertId }) => <a href={linkTo("alert", alertId)}>{alertId}</a> },
  { title: "Outcome", cell: ({ outcome }) => <StateBadge state={outcome} /> },
  { title: "Detail", cell: ({ detail }) => detail ?? "" },
];

const BackLink = () => (
  <p>
    <a href={linkTo("alerts")}>All verdicts</a>
  </p>
);

export function VerdictPage({ id }: { id: string }) {
  const [undone, setUndone] = useState<readonly number[]>([]);
  const path = `alerts/verdicts/${encodeURIComponent(id)}`;
  const { reply, error, isRunning } = useJob<Operation<VerdictResult>>(path, undone.length);
  const verdict = reply?.body.result;
  return (
    <>
      <BackLink />
      <h1>Verdict {id}</h1>
      {error ? <ErrorBox error={error} /> : null}
      {undone.map((count, index) => (
        <Notice key={index} tone="success">
          {formatCount(count, "alert")} reopened.
        </Notice>
      ))}
      {isRunning ? <p role="status">Waiting for outcomes…</p> : null}
      {verdict ? (
        <>
          <dl class="facts">
            <Fact label="Closure">{verdict.closure}</Fact>
            <Fact label="Requested by">{verdict.requestedBy ?? "erased"}</Fact>
            <Fact label="Requested at">
              <Instant value={verdict.requestedAt} />
            </Fact>
          </dl>
          <Table
            caption="Alerts of the verdict"
            columns={columns}
            items={verdict.alerts}
            keyOf={({ alertId }) => alertId}
          />
          <Undo path={path} verdict={verdict} onUndone={(count) => setUndone([...undone, count])} />
        </>
      ) : null}
    </>
  );
}

function Undo(props: { path: string; verdict: VerdictResult; onUndone: (count: number) => void }) {
  const [isAsking, setAsking] = useState(false);
  const [requester, setRequester] = useState("");
  const [error, setError] = useState<ApiError>();
  const closed = props.verdict.alerts.filter(({ outcome }) => outcome === "closed").length;
  const undo = async (): Promise<void> => {
    try {
      const reply = await callApi<VerdictUndone>(`${props.path}/undo`, {
        method: "POST",
        body: { requestedBy: requester.trim() || "console" },
      });
      props.onUndone(reply.body.alerts.filter(({ outcome }) => outcome === "reopened").length);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    } finally {
      setAsking(false);
    }
  };
  return (
    <Section title="Undo">
      {error ? <ErrorBox error={error} /> : null}
      {closed === 0 ? (
        <Empty>No alert of this verdict can be reopened.</Empty>
      ) : isAsking ? (
        <div class="toolbar">
          <label class="choice">
            <span>Requested by</span>
            <input
              value={requester}
              placeholder="console"
              onInput={(event) => setRequester(event.currentTarget.value)}
            />
          </label>
          <button type="button" class="primary" onClick={() => void undo()}>
            Reopen {formatCount(closed, "alert")}
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            Cancel
          </button>
        </div>
      ) : (
        <button type="button" onClick={() => setAsking(true)}>
          Undo this verdict
        </button>
      )}
    </Section>
  );
}

type AuditEntry = AlertHistory["value"][number];

const auditColumns: readonly Column<AuditEntry>[] = [
  { title: "Number", cell: ({ seq }) => String(seq), isNumber: true },
  { title: "At", cell: ({ at }) => <Instant value={at} /> },
  { title: "Kind", cell: ({ kind }) => kind },
  { title: "Details", cell: ({ details }) => <code>{JSON.stringify(details)}</code> },
];

export function AlertPage({ id }: { id: string }) {
  const history = useData(
    (signal) => getJson<AlertHistory>(`alerts/history/${encodeURIComponent(id)}`, signal),
    [id],
    15_000,
  );
  return (
    <>
      <BackLink />
      <h1>Alert {id}</h1>
      <Load from={history}>
        {(alert) => (
          <>
            <dl class="facts">
              <Fact label="Outcome">
                <StateBadge state={alert.outcome} />
              </Fact>
              <Fact label="Verdict">
                {alert.verdict ? (
                  <a href={linkTo("verdicts", alert.verdict)}>{alert.verdict}</a>
                ) : (
                  "none"
                )}
              </Fact>
              <Fact label="Closure">{alert.closure ?? "none"}</Fact>
              <Fact label="Requested by">{alert.requestedBy ?? "erased"}</Fact>
              <Fact label="Detail">{alert.detail ?? ""}</Fact>
              <Fact label="Conflicting verdicts">{alert.conflicts.join(", ") || "none"}</Fact>
            </dl>
            <Section title="Audit trail">
              {alert.value.length === 0 ? (
                <Empty>No audit entries for this alert.</Empty>
              ) : (
                <Table
                  caption="Audit trail, oldest first"
                  columns={auditColumns}
                  items={alert.value}
                  keyOf={({ seq }) => String(seq)}
                />
              )}
            </Section>
          </>
        )}
      </Load>
    </>
  );
}
