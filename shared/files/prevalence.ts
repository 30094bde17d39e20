/** Judges how common a file is by the caller's thresholds. An unknown figure meets no rule. */
import type { Thresholds } from "../contracts/file-lookup.ts";
import type { FileStatistics, PrevalenceVerdict } from "../contracts/file-result.ts";

const figures = [
  {
    name: "organizationPrevalence",
    rareBelow: "organizationRareBelow",
    commonFrom: "organizationCommonFrom",
  },
  { name: "globalPrevalence", rareBelow: "globalRareBelow", commonFrom: "globalCommonFrom" },
] as const;

/**
 * Returns `rare` when any figure is below its rare threshold; else `common` when any reaches its
 * common threshold; else `uncommon` when at least one figure has a threshold; else `null`.
 */
export function judgePrevalence(
  statistics: FileStatistics | null,
  thresholds: Thresholds,
): PrevalenceVerdict | null {
  if (!statistics) return null;
  const rules = figures.flatMap(({ name, rareBelow, commonFrom }) => {
    const value = statistics[name];
    if (value === null) return [];
    return [
      { value, name, limit: rareBelow, at: thresholds[rareBelow], verdict: "rare" as const },
      { value, name, limit: commonFrom, at: thresholds[commonFrom], verdict: "common" as const },
    ].flatMap((rule) => (rule.at === undefined ? [] : [{ ...rule, at: rule.at }]));
  });
  const rare = rules.find((rule) => rule.verdict === "rare" && rule.value < rule.at);
  if (rare)
    return { value: "rare", rule: `${rare.name} ${rare.value} is below ${rare.limit} ${rare.at}` };
  const common = rules.find((rule) => rule.verdict === "common" && rule.value >= rule.at);
  if (common)
    return {
      value: "common",
      rule: `${common.name} ${common.value} reaches ${common.limit} ${common.at}`,
    };
  const [first] = rules;
  if (!first) return null;
  return { value: "uncommon", rule: `no threshold is met, ${first.name} is ${first.value}` };
}
