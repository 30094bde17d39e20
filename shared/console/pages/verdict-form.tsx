/** The form of a verdict: dry run first, then a confirmation that names the counts. */
import { useRef, useState } from "preact/hooks";
import { ApiError, callApi } from "../api.ts";
import type { DryRun, VerdictAction, VerdictReason } from "../answers.ts";
import { linkTo } from "../router.ts";
import { Table, type Column } from "../table.tsx";
import { Choice, ErrorBox, formatCount, Section, StateBadge } from "../widgets.tsx";

const actions: readonly VerdictAction[] = [
  "closeTruePositive",
  "closeFalsePositive",
  "closeBenign",
];

/** Reasons that Cloud Apps accepts for each action. */
const reasonsOf: Readonly<Partial<Record<VerdictAction, readonly VerdictReason[]>>> = {
  closeFalsePositive: ["notOfInterest", "tooManySimilar", "notAccurate", "other"],
  closeBenign: ["severityLower", "other", "confirmedWithUser", "test"],
};

interface Draft {
  readonly ids: string;
  readonly action: VerdictAction;
  readonly reason: string;
  readonly comment: string;
  readonly requestedBy: string;
}

const emptyDraft: Draft = {
  ids: "",
  action: "closeFalsePositive",
  reason: "",
  comment: "",
  requestedBy: "",
};

/** Builds the request; every request has a new id. */
const toRequest = (draft: Draft): object => ({
  version: 1,
  id: `console-${crypto.randomUUID()}`,
  alertIds: draft.ids.split(/[\s,;]+/).filter((id) => id !== ""),
  action: draft.action,
  ...(draft.reason === "" ? {} : { reason: draft.reason }),
  ...(draft.comment.trim() === "" ? {} : { comment: draft.comment.trim() }),
  requestedBy: draft.requestedBy.trim() || "console",
  requestedAt: new Date().toISOString(),
});

interface Prepared {
  readonly request: object;
  readonly plan: DryRun["alerts"];
}

export function VerdictForm({ onSubmitted }: { onSubmitted: () => void }) {
  const [draft, setDraft] = useState(emptyDraft);
  const [prepared, setPrepared] = useState<Prepared>();
  const [error, setError] = useState<ApiError>();
  const call = async (action: () => Promise<void>): Promise<void> => {
    setError(undefined);
    try {
      await action();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  };
  const prepare = (): Promise<void> =>
    call(async () => {
      const request = toRequest(draft);
      const body = { ...request, dryRun: true };
      const reply = await callApi<DryRun>("alerts/verdicts", { method: "POST", body });
      setPrepared({ request, plan: reply.body.alerts });
    });
  const submit = (): Promise<void> =>
    call(async () => {
      const reply = await callApi<{ id: string }>("alerts/verdicts", {
        method: "POST",
        body: prepared?.request,
      });
      setPrepared(undefined);
      setDraft(emptyDraft);
      onSubmitted();
      location.hash = linkTo("verdicts", reply.body.id);
    });
  return (
    <Section title="Submit a verdict">
      <DraftFields draft={draft} onChange={setDraft} onPrepare={() => void prepare()} />
      {error ? <ErrorBox error={error} /> : null}
      {prepared ? (
        <Confirmation
          plan={prepared.plan}
          action={draft.action}
          onConfirm={() => void submit()}
          onCancel={() => setPrepared(undefined)}
        />
      ) : null}
    </Section>
  );
}

function DraftFields(props: {
  draft: Draft;
  onChange: (draft: Draft) => void;
  onPrepare: () => void;
}) {
  const { draft, onChange, onPrepare } = props;
  const submit = (event: Event): void => {
    event.preventDefault();
    onPrepare();
  };
  return (
    <form onSubmit={submit}>
      <label class="block">
        <span>Alert ids, separated by spaces, commas or lines</span>
        <textarea
          rows={3}
          required
          value={draft.ids}
          onInput={(event) => onChange({ ...draft, ids: event.currentTarget.value })}
        />
      </label>
      <div class="toolbar">
        <Choice
          label="Action"
          value={draft.action}
          options={actions}
          onChange={(action) => onChange({ ...draft, action: action as VerdictAction, reason: "" })}
        />
        <Choice
          label="Reason"
          all="No reason"
          value={draft.reason}
          options={reasonsOf[draft.action] ?? []}
          onChange={(reason) => onChange({ ...draft, reason })}
        />
        <label class="choice">
          <span>Comment</span>
          <input
            value={draft.comment}
            onInput={(event) => onChange({ ...draft, comment: event.currentTarget.value })}
          />
        </label>
        <label class="choice">
          <span>Requested by</span>
          <input
            value={draft.requestedBy}
            placeholder="console"
            onInput={(event) => onChange({ ...draft, requestedBy: event.currentTarget.value })}
          />
        </label>
        <button type="submit" class="primary">
          Dry run
        </button>
      </div>
    </form>
  );
}

const columns: readonly Column<DryRun["alerts"][number]>[] = [
  { title: "Alert", cell: ({ alertId }) => <code>{alertId}</code> },
  { title: "Current state", cell: ({ currentState }) => currentState },
  { title: "Planned action", cell: ({ plannedAction }) => <StateBadge state={plannedAction} /> },
];

function Confirmation(props: {
  plan: DryRun["alerts"];
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
}) {
  const { plan, action, onConfirm, onCancel } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const closing = plan.filter(({ plannedAction }) => plannedAction === "close").length;
  return (
    <section aria-label="Confirmation" class="card" ref={() => heading.current?.focus()}>
      <h3 tabIndex={-1} ref={heading}>
        Dry run: {formatCount(closing, "alert")} of {plan.length} will be closed
      </h3>
      <Table caption="Dry run" columns={columns} items={plan} keyOf={({ alertId }) => alertId} />
      <div class="toolbar">
        <button type="button" class="primary" disabled={closing === 0} onClick={onConfirm}>
          Close {formatCount(closing, "alert")} ({action})
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </section>
  );
}
