/** Compares technique ids with the published list of ATT&CK; `attack-techniques.json` is its source. */
import list from "./attack-techniques.json" with { type: "json" };

const knownTechniques: ReadonlySet<string> = new Set(list.techniques);
const retiredTechniques: ReadonlyMap<string, string> = new Map(Object.entries(list.retired));

/** Returns one warning for each id that ATT&CK has revoked, deprecated or never had. */
export const findTechniqueWarnings = (techniques: readonly string[]): readonly string[] =>
  techniques.flatMap((id) => {
    if (knownTechniques.has(id)) return [];
    const replacement = retiredTechniques.get(id);
    if (replacement === undefined)
      return [
        `/relevantTechniques: ${id} must be the id of an ATT&CK technique, such as T1059.001.`,
      ];
    return replacement === ""
      ? [`/relevantTechniques: ATT&CK deprecated ${id} without a replacement; remove it.`]
      : [`/relevantTechniques: ATT&CK revoked ${id}; use ${replacement}.`];
  });
