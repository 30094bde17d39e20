/** What the steps of one run share. */
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntContext } from "../ports.ts";
import { startBudget } from "../query/budget.ts";
import { HuntQuerier } from "../query/hunt-querier.ts";
import { roundRows, type Caps } from "../query/slicing.ts";

export interface RunContext extends HuntContext {
  readonly querier: HuntQuerier;
  readonly caps: Caps;
}

/** Creates the querier and starts the budget of a run. */
export function createRunContext(context: HuntContext, form?: HuntHead["form"]): RunContext {
  const { deps, hunt } = context;
  const querier = new HuntQuerier(deps, hunt, startBudget(deps.nowMs), form);
  return { ...context, querier, caps: { roundRows, ...deps.hunting.caps } };
}
