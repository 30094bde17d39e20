/**
 * Submits verdicts after a dry run and a confirmation; lists verdicts; searches by alert or
 * verdict.
 */
import { useState } from "preact/hooks";
import type { Verdict } from "../answers.ts";
import { linkTo } from "../router.ts";
import { Table, type Column } from "../table.tsx";
import { usePages } from "../use-pages.ts";
import { Empty, Instant, Load, Section, ShowMore } from "../widgets.tsx";
import { VerdictForm } from "./verdict-form.tsx";

const columns: readonly Column<Verdict>[] = [
  { title: "Verdict", cell: ({ id }) => <a href={linkTo("verdicts", id)}>{id}</a> },
  { title: "Closure", cell: ({ closure }) => closure },
  { title: "Alerts", cell: ({ alerts }) => String(alerts), isNumber: true },
  { title: "Source", cell: ({ source }) => source },
  { title: "Requested by", cell: ({ requestedBy }) => requestedBy ?? "erased" },
  { title: "Accepted", cell: ({ acceptedAt }) => <Instant value={acceptedAt} /> },
];

export function Alerts() {
  const verdicts = usePages<Verdict>("alerts/verdicts?top=100", 15_000);
  return (
    <>
      <h1>Alerts</h1>
      <Search />
      <VerdictForm onSubmitted={verdicts.reload} />
      <Section title="Verdicts">
        <Load from={verdicts}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty>No verdicts yet.</Empty>
            ) : (
              <Table
                caption="Verdicts, newest first"
                columns={columns}
                items={items}
                keyOf={({ id }) => id}
              />
            )
          }
        </Load>
        <ShowMore list={verdicts} />
      </Section>
    </>
  );
}

/** Ids of Cloud Apps alerts have 24 hexadecimal digits; anything else is the id of a verdict. */
function Search() {
  const [id, setId] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = id.trim();
    location.hash = linkTo(/^[0-9a-f]{24}$/i.test(text) ? "alert" : "verdicts", text);
  };
  return (
    <form class="toolbar" role="search" onSubmit={submit}>
      <label class="choice">
        <span>Alert or verdict id</span>
        <input
          type="search"
          required
          value={id}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Find</button>
    </form>
  );
}
