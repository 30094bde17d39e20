/** The app's process of `npm start`. It is replaced when the hunts change. */
import { runHost, type RunningHost, type RunOptions } from "./run-host.ts";

export class LocalApp {
  readonly #options: RunOptions;
  readonly #onUnexpectedExit: (host: RunningHost, code: number | null) => void;
  #host: RunningHost | undefined;

  constructor(
    options: RunOptions,
    onUnexpectedExit: (host: RunningHost, code: number | null) => void,
  ) {
    this.#options = options;
    this.#onUnexpectedExit = onUnexpectedExit;
  }

  async start(): Promise<RunningHost> {
    const host = await runHost(this.#options);
    this.#host = host;
    void this.#watchExit(host);
    return host;
  }

  async #watchExit(host: RunningHost): Promise<void> {
    const { code } = await host.exited;
    if (this.#host === host) this.#onUnexpectedExit(host, code);
  }

  /** Stops the process and starts another one with the files that are built now. */
  async replace(): Promise<RunningHost> {
    await this.stop();
    return this.start();
  }

  async stop(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    await host?.stop();
  }
}
