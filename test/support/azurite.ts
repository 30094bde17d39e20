/**
 * Azurite as a child process, blobs and queues only, with one account for each group of tests that
 * needs its own.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";

/** A running Azurite. */
export interface Azurite {
  readonly blobPort: number;
  readonly queuePort: number;
  /** A connection string for one of its accounts. */
  readonly connectionString: (account?: string) => string;
  /** Stops it politely; what it was to keep is on disk before this resolves. */
  readonly stop: () => Promise<void>;
}

const defaultAccount = "devstoreaccount1";
// Azurite's published development key: no secret, every installation has it.
const developmentKey =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/**
 * @param options.folder - where to keep data between runs; in memory when absent
 * @param options.accounts - account names in addition to the default one
 * @param options.blobPort - 0 (default) for any free one; likewise `queuePort`
 */
export async function startAzurite(
  options: {
    folder?: string;
    accounts?: readonly string[];
    blobPort?: number;
    queuePort?: number;
  } = {},
): Promise<Azurite> {
  const program = createRequire(import.meta.url).resolve("azurite/dist/src/azurite.js");
  const storageArguments =
    options.folder === undefined ? ["--inMemoryPersistence"] : ["--location", options.folder];
  const ports = [
    "--blobPort",
    String(options.blobPort ?? 0),
    "--queuePort",
    String(options.queuePort ?? 0),
    "--tablePort",
    "0",
  ];
  const child = spawn(
    process.execPath,
    [
      program,
      ...storageArguments,
      ...ports,
      "--skipApiVersionCheck",
      "--disableTelemetry",
      "--silent",
    ],
    {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        ...process.env,
        AZURITE_ACCOUNTS: [defaultAccount, ...(options.accounts ?? [])]
          .map((name) => `${name}:${developmentKey}`)
          .join(";"),
      },
    },
  );
  const [blobPort, queuePort] = await waitForPorts(child);
  return {
    blobPort,
    queuePort,
    connectionString: (account = defaultAccount) =>
      [
        "DefaultEndpointsProtocol=http",
        `AccountName=${account}`,
        `AccountKey=${developmentKey}`,
        `BlobEndpoint=http://127.0.0.1:${blobPort}/${account}`,
        `QueueEndpoint=http://127.0.0.1:${queuePort}/${account}`,
      ].join(";"),
    // In memory there is nothing to save; on disk a polite stop lets it write what it holds.
    stop: () => stopProcess(child, options.folder === undefined ? "SIGKILL" : "SIGTERM"),
  };
}

/** Resolves with the ports once both services say that they listen. */
function waitForPorts(child: ChildProcess): Promise<[number, number]> {
  return new Promise((resolve, reject) => {
    let output = "";
    const readOutput = (chunk: Buffer): void => {
      output += chunk.toString();
      const blob =
        /Blob service (?:is successfully listening|successfully listens) (?:at|on) http:\/\/127\.0\.0\.1:(\d+)/i.exec(
          output,
        );
      const queue =
        /Queue service (?:is successfully listening|successfully listens) (?:at|on) http:\/\/127\.0\.0\.1:(\d+)/i.exec(
          output,
        );
      if (!blob?.[1] || !queue?.[1]) return;
      resolve([Number(blob[1]), Number(queue[1])]);
      for (const stream of [child.stdout, child.stderr]) stream?.off("data", readOutput).resume();
    };
    child.stdout?.on("data", readOutput);
    child.stderr?.on("data", readOutput);
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(
        new Error(`Azurite ended with code ${code} before it listened:\n${output.slice(-2_000)}`),
      ),
    );
  });
}

const stopTimeoutMs = 5_000;

function stopProcess(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const killTimer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    child.once("exit", () => {
      clearTimeout(killTimer);
      resolve();
    });
    child.kill(signal);
  });
}
