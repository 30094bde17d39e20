/** ATT&CK techniques of all hunts as a matrix by tactic, and the layer for ATT&CK Navigator. */
import { getJson } from "../api.ts";
import { saveFile } from "../csv.ts";
import { linkTo } from "../router.ts";
import { Empty, formatCount } from "../widgets.tsx";
import type { HuntRow } from "./hunts.tsx";

interface Technique {
  readonly id: string;
  readonly hunts: readonly HuntRow[];
  readonly rows: number;
}

const sumRows = ({ trend }: HuntRow): number => trend.reduce((sum, { rows }) => sum + rows, 0);

/** Groups hunts by technique. */
function listTechniques(hunts: readonly HuntRow[]): Technique[] {
  const byId = new Map<string, HuntRow[]>();
  for (const hunt of hunts)
    for (const id of hunt.detail.techniques) byId.set(id, [...(byId.get(id) ?? []), hunt]);
  return [...byId]
    .map(([id, own]) => ({
      id,
      hunts: own,
      rows: own.reduce((sum, hunt) => sum + sumRows(hunt), 0),
    }))
    .toSorted((a, b) => a.id.localeCompare(b.id));
}

async function saveLayer(): Promise<void> {
  const layer = await getJson<object>("attack-layer", AbortSignal.timeout(30_000));
  saveFile("huntline-layer.json", JSON.stringify(layer, null, 2), "application/json");
}

/** Heat in four steps by the order of magnitude of the rows. */
const heatOf = (rows: number): number => Math.min(3, Math.ceil(Math.log10(rows + 1)));

export function AttackMatrix({ hunts }: { hunts: readonly HuntRow[] }) {
  const techniques = listTechniques(hunts);
  const tactics = [...new Set(hunts.flatMap(({ detail }) => detail.tactics))].toSorted();
  if (techniques.length === 0) return <Empty>No hunt names an ATT&amp;CK technique.</Empty>;
  return (
    <>
      <p>
        {formatCount(techniques.length, "technique")} in {formatCount(tactics.length, "tactic")}.{" "}
        <fluent-button onClick={() => void saveLayer()}>Download Navigator layer</fluent-button>
      </p>
      <div class="matrix">
        {tactics.map((tactic) => (
          <section key={tactic} aria-label={tactic}>
            <h3>{tactic}</h3>
            {techniques
              .filter(({ hunts: own }) => own.some(({ detail }) => detail.tactics.includes(tactic)))
              .map(({ id, hunts: own, rows }) => (
                <div key={id} class={`technique heat-${heatOf(rows)}`}>
                  <strong>{id}</strong> {formatCount(rows, "row")}
                  <ul>
                    {own.map(({ summary }) => (
                      <li key={summary.name}>
                        <a href={linkTo("hunts", summary.name)}>{summary.title}</a>
                      </li>
                    ))}
                  </ul>
                </div>
              ))}
          </section>
        ))}
      </div>
    </>
  );
}
