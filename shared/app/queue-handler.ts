/**
 * Registers queue functions. A message that cannot be read, or that a handler refuses for good,
 * becomes a dead letter; what a handler throws goes to the platform, which delivers the message
 * again.
 */
import { app } from "@azure/functions";
import type { DeadLetterQueue, DeadLetterReason } from "../contracts/dead-letter.ts";
import { toInputFaults } from "../contracts/input-faults.ts";
import { log } from "../runtime/log.ts";
import { SettingsError } from "../runtime/settings.ts";
import { readQueueMessage } from "../storage/queue-message.ts";
import { services } from "./services.ts";
import type { TenantServices } from "./tenant-services.ts";

/** The storage connection of every queue, by its name in the settings. */
const connection = "DataStorage";

/** Why a message can never be processed. */
export interface MessageFault {
  readonly reason: DeadLetterReason;
  readonly detail?: string;
}

interface MessageSchema<T> {
  readonly safeParse: (
    value: unknown,
  ) =>
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly unknown[] } };
}

/** Registers the function that handles the messages of a queue. */
export function onQueueMessage<T>(
  name: string,
  queue: DeadLetterQueue,
  schema: MessageSchema<T>,
  handle: (message: T, tenant: TenantServices) => Promise<MessageFault | undefined>,
): void {
  const handleMessage = async (raw: unknown, tenant: TenantServices) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken") return { reason: read.reason };
    const { tenant: _tenant, ...message } = read.value;
    const parsed = schema.safeParse(message);
    return parsed.success
      ? handle(parsed.data, tenant)
      : { reason: "schema" as const, detail: describeFaults(parsed.error) };
  };
  app.storageQueue(name, {
    queueName: queue,
    connection,
    handler: async (raw) => {
      const found = findTenantOfMessage(raw);
      if (found.kind === "settingsInvalid") return postponeMessage(queue, raw);
      const tenant = found.kind === "tenant" ? found.tenant : services.default();
      const fault = found.kind === "tenant" ? await handleMessage(raw, tenant) : unknownTenant;
      if (fault) await tenant.moveToDeadLetters(queue, raw, fault);
    },
  });
}

const unknownTenant: MessageFault = {
  reason: "unknownTenant",
  detail: "No enabled tenant of TENANTS has the name in tenant.",
};

/** `settingsInvalid`: the setting `TENANTS` cannot be read, so nothing is known of the tenant. */
type FoundTenant =
  | { readonly kind: "tenant"; readonly tenant: TenantServices }
  | { readonly kind: "unknown" | "settingsInvalid" };

/** A message without a tenant is the default tenant's. */
function findTenantOfMessage(raw: unknown): FoundTenant {
  const read = readQueueMessage(raw);
  const name = read.kind === "object" ? read.value["tenant"] : undefined;
  if (name === undefined || name === null) return { kind: "tenant", tenant: services.default() };
  try {
    const tenant = typeof name === "string" ? services.find(name) : undefined;
    return tenant ? { kind: "tenant", tenant } : { kind: "unknown" };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    log("setting.invalid", { settings: error.settings.join(", ") });
    return { kind: "settingsInvalid" };
  }
}

/** How long a message waits for a setting that a person has to correct. */
const settingsDelaySeconds = 300;

/** Puts a message back unchanged. */
async function postponeMessage(queue: DeadLetterQueue, raw: unknown): Promise<void> {
  const read = readQueueMessage(raw);
  if (read.kind === "broken") return;
  const queues = await services.default().queues();
  await queues.send(queue, read.value, { delaySeconds: settingsDelaySeconds });
}

/**
 * Registers the function that moves what the platform put on a queue's poison queue to the dead
 * letters.
 */
export const onPoisonMessage = (name: string, queue: DeadLetterQueue): void =>
  app.storageQueue(name, {
    queueName: `${queue}-poison`,
    connection,
    handler: (raw) => {
      const found = findTenantOfMessage(raw);
      const tenant = found.kind === "tenant" ? found.tenant : services.default();
      return tenant.moveToDeadLetters(queue, raw, {
        reason: "retriesExhausted",
        detail: "Five deliveries failed; the log of the queue's function has the reason.",
      });
    },
  });

const describeFaults = (error: { readonly issues: readonly unknown[] }): string =>
  toInputFaults(error)
    .map(({ path, message }) => `${path}: ${message}`)
    .join("; ");
