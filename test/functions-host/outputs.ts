/**
 * Applies the outputs of a call that succeeded: queue messages and blobs. Those of a failed call
 * are lost.
 */
import { randomUUID } from "node:crypto";
import { createBlobService, createQueueService } from "./connections.ts";
import type { RegisteredFunction, Output } from "./index-functions.ts";
import type { InvocationResponse, TypedData } from "./protocol.ts";
import { encodeMessage } from "./queue-message.ts";

/** What fills `{name}` in a blob's path. */
export type TemplateValues = Readonly<Record<string, TypedData>>;

/**
 * @throws what storage threw; the call then counts as failed
 */
export async function applyOutputs(
  func: RegisteredFunction,
  response: InvocationResponse,
  options: { readonly encoding: "base64" | "none"; readonly templateValues: TemplateValues },
): Promise<void> {
  const values = new Map((response.outputData ?? []).map(({ name, data }) => [name, data]));
  if (response.returnValue) values.set("$return", response.returnValue);
  for (const [name, output] of func.outputs) {
    const value = values.get(name);
    if (value === undefined) continue;
    if (output.kind === "queue") await sendMessages(output, value, options.encoding);
    else await writeBlob(output, value, options.templateValues);
  }
}

async function sendMessages(
  output: Output & { kind: "queue" },
  value: TypedData,
  encoding: "base64" | "none",
): Promise<void> {
  const queue = (await createQueueService(output.connection)).getQueueClient(output.queueName);
  const contents = messagesOf(value);
  if (contents.length > 0) await queue.createIfNotExists();
  for (const content of contents) await queue.sendMessage(encodeMessage(content, encoding));
}

/**
 * An array, or text that reads as one, is several messages; null is none; an object goes out as
 * indented JSON.
 */
export function messagesOf(value: TypedData): (string | Uint8Array)[] {
  if (value.bytes) return [value.bytes];
  if (value.json !== undefined) return itemsOf(JSON.parse(value.json) as unknown).map(messageOf);
  if (value.string !== undefined) {
    const parsed = parseArray(value.string);
    return parsed ? parsed.filter((item) => item !== null).map(messageOf) : [value.string];
  }
  return [String(value.int ?? value.double)];
}

const itemsOf = (value: unknown): unknown[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter((item) => item !== null);

const messageOf = (item: unknown): string =>
  typeof item === "string" ? item : JSON.stringify(item, null, 2);

function parseArray(text: string): unknown[] | undefined {
  try {
    const parsed = JSON.parse(text) as unknown;
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

async function writeBlob(
  output: Output & { kind: "blob" },
  value: TypedData,
  templateValues: TemplateValues,
): Promise<void> {
  const [, container = "", name = ""] =
    /^\/?([^/]+)\/(.+)$/.exec(fillPath(output.path, templateValues)) ?? [];
  if (container === "") throw new Error(`blob path "${output.path}" is not container/name`);
  const blobs = (await createBlobService(output.connection)).getContainerClient(container);
  await blobs.createIfNotExists();
  const bytes =
    value.bytes ?? Buffer.from(value.string ?? value.json ?? String(value.int ?? value.double));
  await blobs.getBlockBlobClient(name).upload(bytes, bytes.length);
}

/** Fills `{rand-guid}`, `{DateTime}` and the trigger's own data into a path. */
export function fillPath(path: string, templateValues: TemplateValues): string {
  return path.replaceAll(/\{([\w-]+)\}/g, (_, name: string) => {
    if (name.toLowerCase() === "rand-guid") return randomUUID();
    if (name.toLowerCase() === "datetime")
      return new Date()
        .toISOString()
        .replace(/\.\d+Z$/, "Z")
        .replaceAll(":", "-");
    const data = Object.entries(templateValues).find(
      ([key]) => key.toLowerCase() === name.toLowerCase(),
    )?.[1];
    const text = data?.string ?? data?.json ?? data?.int;
    if (text === undefined) throw new Error(`blob path "${path}": nothing is named {${name}}`);
    return String(text);
  });
}
