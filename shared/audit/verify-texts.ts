/**
 * Verifies the texts about people that audit records name: each is stored as it was, or its erasure
 * is audited.
 */
import * as z from "zod/mini";
import { personalText } from "../contracts/personal-text.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readRecord } from "../storage/typed-record.ts";
import { isSameDigest } from "../storage/seal.ts";
import type { AuditRecord } from "./chain.ts";
import { digestText, textPath } from "./personal-texts.ts";

const textNames = z.looseObject({
  texts: z.optional(z.array(z.string())),
  erased: z.optional(z.array(z.string())),
});

/** `text changed`: not the text that the record names. `text missing`: without an erasure. */
export type TextFlaw = "text changed" | "text missing";

/** The number of stored and of erased texts, and the first record with an invalid one. */
interface TextVerification {
  readonly texts: { readonly stored: number; readonly erased: number };
  readonly firstBad?: { readonly index: number; readonly path: string; readonly flaw: TextFlaw };
}

type TextState = "stored" | "erased" | TextFlaw;

const maxParallel = 16;

/** Collects the texts that records name while the chain is read, then verifies them. */
export class TextVerifier {
  readonly #firstNamedBy = new Map<string, number>();
  readonly #erased = new Set<string>();

  /** Takes the names of texts from a valid record. */
  collect(record: AuditRecord | undefined): void {
    if (!record) return;
    const { body, seq } = record;
    const { texts = [], erased = [] } = textNames.safeParse(body).data ?? {};
    for (const digest of texts)
      if (!this.#firstNamedBy.has(digest)) this.#firstNamedBy.set(digest, seq);
    if (body["kind"] === "erasure") for (const digest of erased) this.#erased.add(digest);
  }

  /** @param keys - the current audit key and former ones */
  async verify(
    store: Pick<RecordStore, "read">,
    keys: readonly string[],
  ): Promise<TextVerification> {
    const named = [...this.#firstNamedBy];
    const states = await mapInParallel(named, maxParallel, ([digest]) =>
      this.#check(store, digest, keys),
    );
    const count = (state: TextState): number => states.filter((each) => each === state).length;
    const texts = { stored: count("stored"), erased: count("erased") };
    for (const [position, [digest, index]] of named.entries()) {
      const flaw = states[position];
      if (flaw === "text changed" || flaw === "text missing")
        return { texts, firstBad: { index, path: textPath(digest), flaw } };
    }
    return { texts };
  }

  async #check(
    store: Pick<RecordStore, "read">,
    digest: string,
    keys: readonly string[],
  ): Promise<TextState> {
    const read = await readRecord(store, textPath(digest), personalText);
    if (read.kind === "absent") return this.#erased.has(digest) ? "erased" : "text missing";
    if (read.kind === "invalid") return "text changed";
    return keys.some((key) => isSameDigest(digest, digestText(read.value, key)))
      ? "stored"
      : "text changed";
  }
}
