/** Lists that the API returns in pages: loads one more page on demand, and refreshes all shown. */
import { useState } from "preact/hooks";
import { getJson, type Page } from "./api.ts";
import type { ListedExport } from "./answers.ts";
import { useData, type Loaded } from "./use-data.ts";

/** The pages loaded so far. */
export interface ListedItems<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

export interface Pages<T> extends Loaded<ListedItems<T>> {
  readonly showMore: () => void;
}

/** @param path - first page, below `/api/` */
export const usePages = <T>(path: string, refreshMs: number): Pages<T> =>
  usePagesOf((pageCount, signal) => loadPages<T>(path, pageCount, signal), path, refreshMs);

async function loadPages<T>(
  path: string,
  pageCount: number,
  signal: AbortSignal,
): Promise<ListedItems<T>> {
  const items: T[] = [];
  let next: string | null | undefined = path;
  for (let page = 0; page < pageCount && next; page += 1) {
    const answer: Page<T> = await getJson<Page<T>>(next, signal);
    items.push(...answer.value);
    next = answer.nextLink;
  }
  return { items, hasMore: Boolean(next) };
}

const exportsPerPage = 100;

/** The newest exports of a hunt, newest first. The API lists them from the oldest on. */
export const useExports = (hunt: string, refreshMs: number): Pages<ListedExport> =>
  usePagesOf(
    (pageCount, signal) => loadNewestExports(hunt, pageCount * exportsPerPage, signal),
    hunt,
    refreshMs,
  );

async function loadNewestExports(
  hunt: string,
  count: number,
  signal: AbortSignal,
): Promise<ListedItems<ListedExport>> {
  const path = `hunts/${hunt}/exports`;
  const { cursor } = await getJson<{ cursor: string }>(`${path}?after=latest`, signal);
  const [, version = "1", seq = "-1"] = /^v(\d+)\.(-?\d+)$/.exec(cursor) ?? [];
  const from = Math.max(-1, Number(seq) - count);
  const first = `${path}?after=v${version}.${from}&top=${exportsPerPage}`;
  const { items } = await loadPages<ListedExport>(first, Math.ceil(count / exportsPerPage), signal);
  return { items: items.toReversed(), hasMore: from > -1 };
}

function usePagesOf<T>(
  load: (pageCount: number, signal: AbortSignal) => Promise<ListedItems<T>>,
  key: string,
  refreshMs: number,
): Pages<T> {
  const [pageCount, setPageCount] = useState(1);
  const loaded = useData((signal) => load(pageCount, signal), [key, pageCount], refreshMs);
  return { ...loaded, showMore: () => setPageCount((count) => count + 1) };
}
