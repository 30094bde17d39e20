/** Webhook deliveries and dead letters, with replay. */
import { useState } from "preact/hooks";
import { ApiError, callApi } from "../api.ts";
import type { DeadLetter, Delivery } from "../answers.ts";
import { linkTo } from "../router.ts";
import { Table, type Column } from "../table.tsx";
import { usePages } from "../use-pages.ts";
import {
  Choice,
  Empty,
  ErrorBox,
  formatCount,
  Instant,
  Load,
  Notice,
  Section,
  ShowMore,
} from "../widgets.tsx";

const deliveryColumns: readonly Column<Delivery>[] = [
  { title: "Source", cell: ({ source }) => source },
  { title: "Delivery", cell: ({ id }) => <code>{id}</code> },
  { title: "Accepted", cell: ({ acceptedAt }) => <Instant value={acceptedAt} /> },
  {
    title: "Verdicts",
    cell: ({ verdicts }) =>
      verdicts.map((id) => (
        <div key={id}>
          <a href={linkTo("verdicts", id)}>{id}</a>
        </div>
      )),
  },
  { title: "Hashes", cell: ({ hashes }) => String(hashes), isNumber: true },
  { title: "Hunts", cell: ({ hunts }) => hunts.join(", ") },
  {
    title: "Skipped",
    cell: ({ skipped }) =>
      skipped.map(({ path, message }) => (
        <div key={path}>
          <code>{path}</code> {message}
        </div>
      )),
  },
];

export function Deliveries() {
  const deliveries = usePages<Delivery>("webhooks/deliveries?top=200", 15_000);
  const letters = usePages<DeadLetter>("dead-letters", 15_000);
  return (
    <>
      <h1>Deliveries and dead letters</h1>
      <Section title="Dead letters">
        <Load from={letters}>
          {({ items }) => <DeadLetters letters={items} onReplayed={letters.reload} />}
        </Load>
        <ShowMore list={letters} />
      </Section>
      <Section title="Webhook deliveries">
        <Load from={deliveries}>{({ items }) => <DeliveryTable deliveries={items} />}</Load>
        <ShowMore list={deliveries} />
      </Section>
    </>
  );
}

function DeliveryTable({ deliveries }: { deliveries: readonly Delivery[] }) {
  const [source, setSource] = useState("");
  if (deliveries.length === 0)
    return (
      <Empty>
        No deliveries within the last eight days. Configure a source in the setting WEBHOOKS.
      </Empty>
    );
  const sources = [...new Set(deliveries.map((delivery) => delivery.source))].toSorted();
  return (
    <>
      <div class="toolbar">
        <Choice
          label="Source"
          all="All sources"
          value={source}
          options={sources}
          onChange={setSource}
        />
      </div>
      <Table
        caption="Webhook deliveries, newest first"
        columns={deliveryColumns}
        items={deliveries.filter((delivery) => source === "" || delivery.source === source)}
        keyOf={(delivery) => `${delivery.source}/${delivery.id}`}
      />
    </>
  );
}

function DeadLetters(props: { letters: readonly DeadLetter[]; onReplayed: () => void }) {
  const [error, setError] = useState<ApiError>();
  const [replayed, setReplayed] = useState<string>();
  if (props.letters.length === 0)
    return <Empty>No dead letters. Every message was processed.</Empty>;
  const replay = async ({ queue, id }: DeadLetter): Promise<void> => {
    try {
      await callApi("dead-letters/replay", {
        method: "POST",
        body: { deadLetters: [{ queue, id }] },
      });
      setError(undefined);
      setReplayed(id);
      props.onReplayed();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  };
  return (
    <>
      {error ? <ErrorBox error={error} /> : null}
      {replayed === undefined ? null : (
        <Notice tone="success">Dead letter {replayed} is on its queue again.</Notice>
      )}
      {props.letters.map((letter) => (
        <Letter key={letter.id} letter={letter} onReplay={() => void replay(letter)} />
      ))}
    </>
  );
}

const Letter = ({ letter, onReplay }: { letter: DeadLetter; onReplay: () => void }) => (
  <article class="card" aria-label={`Dead letter ${letter.id}`}>
    <h3>
      {letter.queue}: {letter.reason}
    </h3>
    <p>
      {letter.detail} {formatCount(letter.occurrences, "occurrence")}, last{" "}
      <Instant value={letter.lastSeenAt} />
      {letter.replayedAt ? (
        <>
          , replayed <Instant value={letter.replayedAt} />
        </>
      ) : null}
      .
    </p>
    <details>
      <summary>Content (redacted)</summary>
      <pre class="query" tabIndex={0}>
        {letter.message ? JSON.stringify(letter.message, null, 2) : (letter.text ?? "none")}
      </pre>
    </details>
    {letter.replayable ? (
      <button type="button" onClick={onReplay}>
        Replay
      </button>
    ) : (
      <p class="muted">This message cannot be replayed.</p>
    )}
  </article>
);
