/**
 * What is stored of one file between lookups (`state/files/{aa}/{hash}.json`), and how long an
 * answer is fresh.
 */
import * as z from "zod/mini";
import {
  fileInformationSchema,
  fileStatisticsSchema,
  sourceSchema,
  type FileInformation,
  type FileSource,
  type FileStatistics,
} from "../contracts/file-result.ts";
import type { FilesSettings } from "./ports.ts";

/**
 * An answer with its source and instant (ISO 8601, UTC); `value` is `null` when the source does not
 * know the file.
 */
export interface CachedAnswer<T> {
  readonly value: T | null;
  readonly source: FileSource;
  readonly asOf: string;
}

const createAnswerSchema = <T extends z.ZodMiniType>(value: T) =>
  z.object({ value: z.nullable(value), source: sourceSchema, asOf: z.iso.datetime() });

/** The stored form of `CachedFile`. */
export const cachedFileSchema = z.object({
  version: z.literal(1),
  hash: z.string(),
  /** Of a SHA-256 or MD5: the SHA-1 of the same file. */
  sha1: z.optional(createAnswerSchema(z.string())),
  /** By look-back hours. */
  statistics: z.record(z.string(), createAnswerSchema(fileStatisticsSchema)),
  information: z.optional(createAnswerSchema(fileInformationSchema)),
  /** The lookup that calls Defender about this file, until when at most (epoch milliseconds). */
  lease: z.optional(z.object({ owner: z.string(), untilMs: z.number() })),
  attempt: z.string(),
});

/** One record of the cache. */
export interface CachedFile {
  readonly version: 1;
  readonly hash: string;
  readonly sha1?: CachedAnswer<string> | undefined;
  readonly statistics: Readonly<Record<string, CachedAnswer<FileStatistics>>>;
  readonly information?: CachedAnswer<FileInformation> | undefined;
  readonly lease?: { readonly owner: string; readonly untilMs: number } | undefined;
  readonly attempt: string;
}

/** Returns the path of a file's record. @param hash - lower case */
export const cachePath = (hash: string): string => `state/files/${hash.slice(0, 2)}/${hash}.json`;

/** Returns the record of a file of which nothing is known yet. */
export const createCachedFile = (hash: string, attempt: string): CachedFile => ({
  version: 1,
  hash,
  statistics: {},
  attempt,
});

const maxLookBacks = 4;

/** Adds an answer to the file; keeps the four newest look-backs. */
export function withStatistics(
  file: CachedFile,
  lookBackHours: number,
  answer: CachedAnswer<FileStatistics>,
): CachedFile {
  const entries = Object.entries({ ...file.statistics, [String(lookBackHours)]: answer });
  const newest = entries.sort(([, a], [, b]) => (a.asOf < b.asOf ? 1 : -1)).slice(0, maxLookBacks);
  return { ...file, statistics: Object.fromEntries(newest) };
}

/** Whether an answer may be served at `atMs` without a call; one that is newer than `atMs` may. */
export function isFresh(
  answer: CachedAnswer<unknown>,
  settings: FilesSettings,
  atMs: number,
): boolean {
  const ageMs = atMs - Date.parse(answer.asOf);
  return ageMs <= (answer.value === null ? settings.notFoundAgeMs : settings.foundAgeMs);
}
