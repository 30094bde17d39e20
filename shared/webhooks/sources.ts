/** The sources as the setting `WEBHOOKS` describes them: how each is read, how it proves itself, what it may ask. */
import * as z from "zod/mini";
import { huntNameSchema } from "../contracts/hunt-run.ts";
import { toInputFaults, type InputFault } from "../contracts/input-faults.ts";
import { webhookSource, webhookActions, type WebhookAction } from "../contracts/webhook.ts";
import type { Mapping, Mappings } from "./mapping.ts";
import { isPointer } from "./pointers.ts";
import {
  listAllowedVerbs,
  authMethods,
  readerNames,
  type AuthMethod,
  type ReaderName,
} from "./policies.ts";

const listOf = <T extends z.core.$ZodType>(element: T) =>
  z.array(element).check(z.minLength(1, "at least one"), z.maxLength(64));
const headerName = z
  .string()
  .check(
    z.regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name such as x-hub-signature-256"),
    z.toLowerCase(),
  );
const guid = z
  .string()
  .check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "a GUID"), z.toLowerCase());
const range = z
  .string()
  .check(z.regex(/^[0-9a-f.:]+(?:\/\d{1,3})?$/i, "an address or a range such as 203.0.113.0/24"));

const huntRule = z.strictObject({
  hunt: huntNameSchema,
  /** JSON pointer → the values that start the hunt; all must fit. Without it, every payload starts the hunt. */
  when: z.optional(
    z.record(
      z.string().check(z.refine(isPointer, "a JSON pointer such as /alert/ruleName")),
      z.array(z.string()).check(z.minLength(1)),
    ),
  ),
});
export type HuntRule = z.infer<typeof huntRule>;

const sourceSchema = z.strictObject({
  auth: z.enum(authMethods, `one of ${authMethods.join(", ")}`),
  reader: z.optional(z.enum(readerNames, `one of ${readerNames.join(", ")}`)),
  mapping: z.optional(z.string("the name of a mapping")),
  allow: z.optional(listOf(z.enum(webhookActions, `one of ${webhookActions.join(", ")}`))),
  signatureHeader: z.optional(headerName),
  idHeader: z.optional(headerName),
  audience: z.optional(
    z.string("the audience of the tokens").check(z.minLength(1), z.maxLength(200)),
  ),
  callers: z.optional(listOf(guid)),
  roles: z.optional(listOf(z.string().check(z.minLength(1)))),
  addresses: z.optional(listOf(range)),
  functionKey: z.optional(z.boolean("true or false")),
  hunts: z.optional(listOf(huntRule)),
});

/** One source, ready for use. */
export interface Source {
  readonly name: string;
  readonly reader: ReaderName;
  /** Of the reader `generic`. */
  readonly mapping: Mapping | undefined;
  readonly auth: AuthMethod;
  readonly allow: readonly WebhookAction[];
  /** Lower case, with `bodyHmac`. */
  readonly signatureHeader: string;
  /** Lower case; where the sender puts the delivery's id. */
  readonly idHeader: string;
  readonly audience: string;
  readonly callers: readonly string[];
  readonly roles: readonly string[];
  /** Empty: from anywhere. */
  readonly addresses: readonly string[];
  /** Only through the door that asks for a function key, too. */
  readonly functionKey: boolean;
  readonly hunts: readonly HuntRule[];
}

export type SourceResult =
  | { readonly kind: "source"; readonly source: Source }
  | { readonly kind: "unknown" }
  /** Paths are JSON pointers into `WEBHOOKS`. */
  | { readonly kind: "fault"; readonly faults: readonly InputFault[] };

/** Reads one source of the setting; a fault of one source leaves the others alone. */
export function readSource(
  sources: Readonly<Record<string, unknown>>,
  name: string,
  mappings: Mappings,
): SourceResult {
  if (!webhookSource.safeParse(name).success || !Object.hasOwn(sources, name))
    return { kind: "unknown" };
  const { data, error } = sourceSchema.safeParse(sources[name]);
  const faults = error ? toInputFaults(error) : findFaults(data, name, mappings);
  if (faults.length > 0 || !data)
    return {
      kind: "fault",
      faults: faults.map(({ path, message }) => ({ path: `/${name}${path}`, message })),
    };
  const reader = readerOf(data, name);
  const addresses = data.addresses ?? [];
  return {
    kind: "source",
    source: {
      name,
      reader,
      mapping: data.mapping === undefined ? undefined : mappings[data.mapping],
      auth: data.auth,
      allow: data.allow ?? listAllowedVerbs(reader, data.auth, addresses.length > 0),
      signatureHeader: data.signatureHeader ?? "x-hub-signature-256",
      idHeader:
        data.idHeader ?? (data.auth === "bodyHmac" ? "x-github-delivery" : "idempotency-key"),
      audience: data.audience ?? "",
      callers: data.callers ?? [],
      roles: data.roles ?? [],
      addresses,
      functionKey: data.functionKey === true || data.auth === "functionKey",
      hunts: data.hunts ?? [],
    },
  };
}

type SourceSettings = z.infer<typeof sourceSchema>;

const readerOf = ({ reader }: SourceSettings, name: string): ReaderName =>
  reader ?? readerNames.find((each) => each === name) ?? "generic";

function findFaults(settings: SourceSettings, name: string, mappings: Mappings): InputFault[] {
  const faults: InputFault[] = [];
  const reader = readerOf(settings, name);
  if (reader === "generic" && settings.mapping === undefined)
    faults.push({ path: "/mapping", message: `one of ${Object.keys(mappings).join(", ")}` });
  if (settings.mapping !== undefined && !Object.hasOwn(mappings, settings.mapping))
    faults.push({ path: "/mapping", message: `one of ${Object.keys(mappings).join(", ")}` });
  if (settings.auth === "entra" && settings.audience === undefined)
    faults.push({
      path: "/audience",
      message: "the audience of the tokens, such as api://<client id>",
    });
  if (settings.auth === "entra" && settings.callers === undefined && settings.roles === undefined)
    faults.push({
      path: "/callers",
      message: "client ids of the callers, or roles: any app can get a token",
    });
  const allowed = listAllowedVerbs(reader, settings.auth, settings.addresses !== undefined);
  for (const verb of settings.allow ?? [])
    if (!allowed.includes(verb))
      faults.push({
        path: "/allow",
        message: `of ${reader} by ${settings.auth}${settings.addresses ? "" : " from anywhere"} at most ${allowed.join(", ")}`,
      });
  return faults;
}
