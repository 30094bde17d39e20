/** Calls back when files of some folders change. */
import { watch } from "node:fs";

/** Editors write a file in several steps. */
const settleMs = 300;

/** Runs `onChange` once for changes in quick succession, and never twice at the same time. */
export function watchFolders(folders: readonly string[], onChange: () => Promise<void>): void {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(onChange);
    }, settleMs);
  };
  for (const folder of folders) watch(folder, { recursive: true }, schedule);
}
