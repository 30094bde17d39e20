/**
 * The suite of changes for hunts: schedules in which the service's schema, its errors and the
 * storage clock change while one to three instances run and crash, and mutants that only changes
 * reveal.
 */
import type { HuntDeps } from "../../shared/hunts/ports.ts";
import { runSchedule, type HuntMutant, type ScheduleResult } from "./hunt-model.ts";

const changeQueries =
  (
    change: (run: HuntDeps["hunting"]["runQuery"]) => HuntDeps["hunting"]["runQuery"],
  ): ((deps: HuntDeps) => HuntDeps) =>
  (deps) => ({
    ...deps,
    hunting: { ...deps.hunting, runQuery: change(deps.hunting.runQuery) },
  });

/** Mutants that only changes reveal. */
export const changeMutants = {
  "an answer's schema ignored": {
    deps: changeQueries(
      (runQuery) => (query, options, sink) =>
        runQuery(query, options, { writeRows: sink.writeRows }),
    ),
  },
  "an unknown refusal taken for a wrong query": {
    deps: changeQueries((runQuery) => async (query, options, sink) => {
      const reply = await runQuery(query, options, sink);
      return reply.kind === "failed" && reply.isUnknownRefusal
        ? { kind: "refused", cause: "query", message: reply.message }
        : reply;
    }),
  },
} as const satisfies Record<string, HuntMutant>;

const countViolations = ({ lost, duplicated, violations }: ScheduleResult): number =>
  lost.length + duplicated.length + violations.length;

/** Returns the first seed whose schedule with changes catches a mutant. */
export async function findChangeSeed(
  mutant: HuntMutant,
  maxSeed: number,
): Promise<number | undefined> {
  for (let seed = 1; seed <= maxSeed; seed += 1) {
    const count = await runSchedule(seed, mutant, { hasChanges: true }).then(
      countViolations,
      () => 1,
    );
    if (count > 0) return seed;
  }
  return undefined;
}

/** @returns true when every schedule held and every mutant was caught */
export async function checkHuntChanges(
  [from, to]: readonly [number, number],
  printLine: (line: string) => void,
): Promise<boolean> {
  let [survived, lost, duplicated] = [0, 0, 0];
  for (let seed = from; seed <= to; seed += 1) {
    const result = await runSchedule(seed, {}, { hasChanges: true });
    lost += result.lost.length;
    duplicated += result.duplicated.length;
    if (countViolations(result) === 0) survived += 1;
    else printLine(`seed ${seed}: ${JSON.stringify(result)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(changeMutants)) {
    const seed = await findChangeSeed(mutant, 500);
    caught += seed === undefined ? 0 : 1;
    printLine(`mutant ${seed === undefined ? "MISSED" : "caught"}: ${name} (seed ${seed})`);
  }
  const mutantCount = Object.keys(changeMutants).length;
  const total = to - from + 1;
  printLine(
    [
      `change: hunt schedules ${survived} of ${total}`,
      `rows lost ${lost}`,
      `duplicated ${duplicated}`,
      `mutants caught ${caught} of ${mutantCount}`,
    ].join(" · "),
  );
  return survived === total && caught === mutantCount;
}
