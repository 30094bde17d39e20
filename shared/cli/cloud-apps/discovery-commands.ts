/** Cloud discovery: uploads traffic logs, lists streams and categories, prints block scripts. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import {
  blockScriptFormats,
  createDiscoveryResource,
  type BlockScriptFormat,
} from "../../clients/cloud-apps/discovery.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { UsageError } from "../command-line.ts";
import type { CommandRun } from "./run.ts";

export async function uploadLog({ client, line, output, args }: CommandRun): Promise<void> {
  const [file] = args;
  if (file === undefined) throw new UsageError("discovery upload requires <file>.");
  const handle = await open(file);
  try {
    const bytes = (await handle.stat()).size;
    const log = {
      filename: basename(file),
      source: line.readText("source") ?? "GENERIC_CEF",
      inputStreamName: line.readText("stream") ?? basename(file),
      isSnapshot: line.hasFlag("snapshot"),
      bytes,
      read: async (from: number, to: number) =>
        (await handle.read(Buffer.alloc(to - from), 0, to - from, from)).buffer,
    };
    await createDiscoveryResource(client).upload(log, (sent) =>
      output.progress(sent, bytes, log.filename),
    );
    output.line(
      `Uploaded ${log.filename}. The portal shows the result within minutes, under Cloud` +
        " discovery, Governance log.",
    );
  } finally {
    await handle.close();
  }
}

export async function listStreams({ client, output }: CommandRun): Promise<void> {
  for (const stream of await createDiscoveryResource(client).listStreams())
    output.line(JSON.stringify(stream));
}

export async function listCategories({ client, output, args }: CommandRun): Promise<void> {
  const [stream] = args;
  if (stream === undefined) throw new UsageError("discovery categories requires <stream>.");
  for (const { id, total } of await createDiscoveryResource(client).listCategories(stream))
    output.line(`${String(total).padStart(6)}  ${id}`);
}

export async function printBlockScript({ client, output, args }: CommandRun): Promise<void> {
  const format = parseAppliance(args[0] ?? "");
  output.line(await createDiscoveryResource(client).getBlockScript(format));
}

/** Reads an appliance by its name or by the API's number. @throws UsageError */
function parseAppliance(text: string): BlockScriptFormat {
  const names = Object.keys(blockScriptFormats) as BlockScriptFormat[];
  const found = names.find((name) => name === text || String(blockScriptFormats[name]) === text);
  if (found !== undefined) return found;
  throw new UsageError(
    `<appliance> must be one of ${names.join(", ")}, or its number.${formatSuggestion(text, names)}`,
  );
}
