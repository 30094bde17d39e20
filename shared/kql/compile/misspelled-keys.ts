/**
 * Finds keys of a hunt's file that are near misses of known ones: such a key would mean nothing.
 */
import { huntKeys } from "../../contracts/hunt-definition.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";

/** A key and the known key that it probably means. */
export interface MisspelledKey {
  readonly key: string;
  readonly knownKey: string;
}

/**
 * Finds keys that differ from a known key only by case, or by one letter (two from seven letters
 * on). A key is left alone when the known key is there too.
 */
export function findMisspelledKeys(keys: readonly string[]): readonly MisspelledKey[] {
  return keys.flatMap((key) => {
    if (huntKeys.includes(key)) return [];
    const knownKey = suggestWord(key, huntKeys, key.length < 7 ? 1 : 2);
    return knownKey === undefined || keys.includes(knownKey) ? [] : [{ key, knownKey }];
  });
}
