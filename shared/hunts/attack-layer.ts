/** Creates a layer for ATT&CK Navigator: the techniques that the enabled hunts look for. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { AttackLayer } from "../contracts/hunt-answers.ts";

/** What the layer needs of a hunt. */
type CoveringHunt = Pick<CompiledHunt, "name" | "enabled" | "techniques">;

const techniquePattern = /^T\d{4}(?:\.\d{3})?$/;

/** Returns a layer in the Navigator's format 4.5; the score is the number of hunts. */
export function createAttackLayer(hunts: readonly CoveringHunt[]): AttackLayer {
  const namesById = new Map<string, string[]>();
  for (const { name, techniques } of hunts.filter(({ enabled }) => enabled))
    for (const id of new Set(techniques.filter((each) => techniquePattern.test(each))))
      namesById.set(id, [...(namesById.get(id) ?? []), name]);
  const techniques = [...namesById]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([techniqueID, names]) => ({
      techniqueID,
      score: names.length,
      enabled: true,
      comment: names.toSorted().join(", "),
    }));
  const maxScore = Math.max(1, ...techniques.map(({ score }) => score));
  return {
    name: "Huntline",
    versions: { attack: "18", layer: "4.5", navigator: "5.1.0" },
    domain: "enterprise-attack",
    description: "Techniques that the enabled hunts look for. Score: number of hunts.",
    techniques,
    gradient: { colors: ["#cfe4fa", "#0f6cbd"], minValue: 0, maxValue: maxScore },
  };
}
