/**
 * One webhook from its bytes to its receipt: size, proof, limits, schema, queue, receipt, answer, in this order. The
 * receipt comes last: a crash before it makes the sender's repetition ask once more for what is already under way,
 * which changes nothing; a receipt that came first would turn such a crash into silence.
 *
 * What an id was used for is known before anything is sent. Where the id is signed, the record of the delivery's first
 * verdict says so: it is created only if absent, so a delivery that is new needs no look at the receipt.
 */
import { messagesOf, type Noted } from "../contracts/alert-verdict.ts";
import {
  maxBodyBytes,
  parseJsonBody,
  readBodyBytes,
  type IncomingBody,
} from "../http/request-body.ts";
import { later, Problem, problemTitles } from "../http/problem.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import {
  receiptAgeMs,
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookReceipt,
} from "../contracts/webhook.ts";
import type { Allowance, Allowed } from "./allowance.ts";
import type { FairShare } from "./fair-share.ts";
import { ordersOf, type Orders, type VerdictOrder } from "./plan-actions.ts";
import { prove, type ProofPorts } from "./authenticate.ts";
import { readPayload } from "./readers.ts";
import { sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";

/** A lookup of the hashes that a payload holds. */
export type FoundLookup =
  | { readonly kind: "none" }
  | {
      readonly kind: "hashes";
      readonly hashes: number;
      /** Writes down what the message will point to. @returns the job */
      readonly prepare: () => Promise<string>;
      /** Puts the message on its queue. */
      readonly wake: (job: string) => Promise<void>;
    };

/** What the room asks of the outside. */
export interface WebhookPorts extends ProofPorts {
  /** @throws Problem 503 when the source's settings are wrong */
  readonly source: (name: string) => Source | undefined;
  readonly records: RecordStore;
  readonly queues: MessageQueues;
  /** Writes a verdict down, so that it can be shown and taken back; without one, only that the id is taken. */
  readonly note: (
    id: string,
    verdict: VerdictOrder | undefined,
    from: { readonly source: string; readonly bodyHash: string },
  ) => Promise<Noted>;
  /** @param key - makes the same lookup the same job. @throws Problem for parts outside the limits */
  readonly lookup: (parts: readonly unknown[], key: string) => Promise<FoundLookup>;
  /** Starts a hunt once for a key; `undefined` when no hunt has this name. @returns its job */
  readonly startHunt: (name: string, key: string) => Promise<string | undefined>;
  readonly allowance: Allowance;
  readonly share: FairShare;
  readonly reach: (point: string) => Promise<void>;
  readonly refused: (fields: {
    readonly source: string;
    readonly status: number;
    readonly cause: string;
  }) => void;
}

export interface Call {
  /** As it stands in the URL. */
  readonly source: string;
  readonly request: IncomingBody;
  /** Came through the door that asks for a function key. */
  readonly keyed: boolean;
}

export interface Received {
  readonly answer: WebhookAnswer;
  /** The name of its receipt. */
  readonly receipt: string;
  /** Whether there is anything to wait for. */
  readonly asked: boolean;
}

/** @throws Problem for every refusal; trouble of storage or vault as it came */
export async function receive(ports: WebhookPorts, call: Call): Promise<Received> {
  // Nobody is believed yet, so only a configured name may reach the log.
  const known = { source: "unknown", cause: "" };
  try {
    return await take(ports, call, known);
  } catch (error) {
    if (error instanceof Problem)
      ports.refused({
        ...known,
        status: error.status,
        cause: known.cause || problemTitles[error.status],
      });
    throw error;
  }
}

async function take(
  ports: WebhookPorts,
  { source: name, request, keyed }: Call,
  known: { source: string; cause: string },
) {
  const bytes = await readBodyBytes(request, maxBodyBytes);
  const source = ports.source(name);
  if (source) known.source = name;
  const { headers } = request;
  const proof = source ? await prove({ headers, bytes, keyed }, source, ports) : undefined;
  if (!source || proof?.kind !== "proven") throw notProven(name, proof, known);
  await ports.reach("W1 verified");
  const body = parseJsonBody(bytes, headers.get("content-type"));
  const bodyHash = sha256(bytes).toString("hex");
  const id = proof.id ?? bodyHash;
  const delivery = {
    source,
    id,
    bodyHash,
    key: proof.id !== undefined && proof.idSigned ? proof.id : bodyHash,
  };
  const orders = validated(ports, body, delivery);
  await ports.reach("W2 validated");
  const received = await ports.share.run(name, () => carryOut(ports, delivery, orders));
  if (!received) throw later("Too many requests of this source are waiting.", 2_000, 429);
  return received;
}

function notProven(
  name: string,
  proof: Awaited<ReturnType<typeof prove>> | undefined,
  known: { cause: string },
): Problem {
  if (proof?.kind === "no-key") {
    known.cause = "secret";
    return new Problem(503, `The secret webhook-${name} of the Key Vault wants ${proof.want}.`);
  }
  known.cause = proof?.kind === "refused" ? proof.cause : "unknown source";
  return new Problem(401, "The request does not prove where it comes from.");
}

interface Delivery {
  readonly source: Source;
  readonly id: string;
  readonly bodyHash: string;
  /** What actions take their ids from: the signed id, else the hash of the body, which nobody can vary. */
  readonly key: string;
}

function validated(ports: WebhookPorts, body: unknown, { source, key }: Delivery): Orders {
  const reading = readPayload(body, source);
  if (reading.kind === "fault")
    throw new Problem(
      400,
      `This is no payload of ${source.mapping ? "this source's mapping" : source.reader}.`,
      {
        errors: reading.faults,
      },
    );
  return ordersOf(reading, body, source, {
    key,
    requestedAt: new Date(ports.nowMs()).toISOString(),
  });
}

async function carryOut(
  ports: WebhookPorts,
  delivery: Delivery,
  orders: Orders,
): Promise<Received> {
  const { source, bodyHash, id } = delivery;
  const receipt = sha256(id).toString("hex");
  const path = receiptPath(source.name, receipt);
  // Refuses what is outside the limits, so it comes before anything is written down.
  const lookup = await lookupOf(ports, delivery, orders);
  const allowed = await allow(ports, source, orders);
  const former = await formerOf(
    ports,
    delivery,
    allowed.kind === "allowed" ? orders : undefined,
    path,
  );
  if (former.kind !== "none" && allowed.kind === "allowed") allowed.giveBack();
  if (former.kind === "other")
    throw new Problem(409, "This id was used for another body; send a new id.");
  if (former.kind === "repeated") return received(former.answer, receipt);
  if (allowed.kind === "used-up")
    throw later("This source's alerts of the day are used up.", allowed.retryAfterMs, 429);
  const answer = await enqueue(ports, delivery, orders, lookup);
  const acceptedAt = new Date(former.serverNowMs).toISOString();
  const fresh: WebhookReceipt = { version: 1, bodyHash, acceptedAt, answer };
  const written =
    former.etag === undefined
      ? await ports.records.create(path, fresh)
      : await ports.records.replace(path, fresh, former.etag);
  await ports.reach("W5 receipt written");
  if (written.kind === "lost") return carryOut(ports, delivery, orders);
  await ports.reach("W6 before answer");
  return received(answer, receipt);
}

/** What came before under the id. `etag` is of a receipt that is too old, or broken. */
type Former =
  | { readonly kind: "none"; readonly serverNowMs: number; readonly etag?: string }
  | { readonly kind: "repeated"; readonly answer: WebhookAnswer }
  | { readonly kind: "other" };

/** @param orders - what may be written down; `undefined` for nothing */
async function formerOf(
  ports: WebhookPorts,
  delivery: Delivery,
  orders: Orders | undefined,
  path: string,
): Promise<Former> {
  if (orders && takesId(delivery)) {
    const noted = await noteOf(ports, delivery, orders.id, orders.verdicts[0]);
    if (noted.kind === "other") return noted;
    if (noted.kind === "new") return { kind: "none", serverNowMs: noted.serverNowMs };
  }
  const read = await ports.records.read(path);
  const { serverNowMs } = read;
  const receipt = read.kind === "found" ? webhookReceipt.safeParse(read.value).data : undefined;
  if (receipt && serverNowMs - Date.parse(receipt.acceptedAt) < receiptAgeMs)
    return receipt.bodyHash === delivery.bodyHash
      ? { kind: "repeated", answer: receipt.answer }
      : { kind: "other" };
  return { kind: "none", serverNowMs, ...(read.kind === "absent" ? {} : { etag: read.etag }) };
}

/**
 * Whether the record of the first verdict says what the id was used for: not where the id is unsigned, since the verdict
 * then goes by the body, and not for sources without verdicts, which leave no records.
 */
const takesId = ({ source, id, key }: Delivery): boolean =>
  id === key && source.may.includes("verdict");

const noteOf = (
  ports: WebhookPorts,
  { source, bodyHash }: Delivery,
  id: string,
  verdict?: VerdictOrder,
) => ports.note(id, verdict, { source: source.name, bodyHash });

const received = (answer: WebhookAnswer, receipt: string): Received => ({
  answer,
  receipt,
  asked: answer.verdicts.length > 0 || answer.lookup !== null || answer.hunts.length > 0,
});

const lookupOf = async (
  ports: WebhookPorts,
  delivery: Delivery,
  { search }: Orders,
): Promise<FoundLookup> =>
  search.length > 0 ? ports.lookup(search, jobKeyOf(delivery)) : { kind: "none" };

const jobKeyOf = ({ source, key }: Delivery): string => `webhook ${source.name} ${key}`;

/** Everything that a message points to first, then the messages. Each may be there twice after a crash, and is inert then. */
async function enqueue(
  ports: WebhookPorts,
  delivery: Delivery,
  orders: Orders,
  lookup: FoundLookup,
): Promise<WebhookAnswer> {
  const { source, id } = delivery;
  const left = [...orders.left];
  const prepared = lookup.kind === "hashes" ? lookup.prepare() : undefined;
  const unnoted = orders.verdicts.slice(takesId(delivery) ? 1 : 0);
  await Promise.all([
    prepared,
    ...unnoted.map((verdict) => noteOf(ports, delivery, verdict.id, verdict)),
  ]);
  const job = await prepared;
  await ports.reach("W3 claim-check written");
  for (const message of orders.verdicts.flatMap(messagesOf))
    await ports.queues.send("alert-verdicts", message);
  if (lookup.kind === "hashes" && job !== undefined) await lookup.wake(job);
  const hunts: { hunt: string; job: string }[] = [];
  for (const hunt of orders.hunts) {
    const started = await ports.startHunt(hunt, jobKeyOf(delivery));
    if (started === undefined)
      left.push({ path: "", message: `no hunt is called ${hunt}: mend the source's rules` });
    else hunts.push({ hunt, job: started });
  }
  await ports.reach("W4 enqueued");
  return {
    source: source.name,
    id,
    verdicts: orders.verdicts.map(({ action, alertIds, id: verdict }) => ({
      id: verdict,
      action,
      alertIds,
    })),
    lookup: lookup.kind === "hashes" && job !== undefined ? { job, hashes: lookup.hashes } : null,
    hunts,
    left,
  };
}

async function allow(ports: WebhookPorts, source: Source, { verdicts }: Orders): Promise<Allowed> {
  const alerts = verdicts.reduce((sum, { alertIds }) => sum + alertIds.length, 0);
  return alerts === 0
    ? { kind: "allowed", giveBack: () => undefined }
    : ports.allowance(source.name, alerts);
}
