/**
 * Reads the sources in the setting `WEBHOOKS`: the reader, the authentication and the allowed
 * actions of each.
 */
import * as z from "zod/mini";
import { huntNameSchema } from "../contracts/hunt-run.ts";
import { toInputFaults, type InputFault } from "../contracts/input-faults.ts";
import { webhookSource, webhookActions, type WebhookAction } from "../contracts/webhook.ts";
import type { Mapping, Mappings } from "./mapping.ts";
import { isPointer } from "./pointers.ts";
import {
  listAllowedActions,
  authMethods,
  readerNames,
  type AuthMethod,
  type ReaderName,
} from "./policies.ts";

const listOf = <T extends z.core.$ZodType>(element: T) =>
  z.array(element).check(z.minLength(1, "must have at least one element"), z.maxLength(64));
const headerName = z
  .string()
  .check(
    z.regex(/^[A-Za-z0-9-]{1,64}$/, "must be a header name such as x-hub-signature-256"),
    z.toLowerCase(),
  );
const guid = z
  .string()
  .check(
    z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "must be a GUID"),
    z.toLowerCase(),
  );
const range = z
  .string()
  .check(
    z.regex(/^[0-9a-f.:]+(?:\/\d{1,3})?$/i, "must be an address or a range such as 203.0.113.0/24"),
  );

const huntRule = z.strictObject({
  hunt: huntNameSchema,
  /** JSON pointer → values; every pointer must match. Without it, every payload starts the hunt. */
  when: z.optional(
    z.record(
      z.string().check(z.refine(isPointer, "must be a JSON pointer such as /alert/ruleName")),
      z.array(z.string()).check(z.minLength(1)),
    ),
  ),
});
export type HuntRule = z.infer<typeof huntRule>;

const sourceSchema = z.strictObject({
  auth: z.enum(authMethods, `must be one of ${authMethods.join(", ")}`),
  reader: z.optional(z.enum(readerNames, `must be one of ${readerNames.join(", ")}`)),
  mapping: z.optional(z.string("must be the name of a mapping")),
  allow: z.optional(listOf(z.enum(webhookActions, `must be one of ${webhookActions.join(", ")}`))),
  signatureHeader: z._default(headerName, "x-hub-signature-256"),
  idHeader: z.optional(headerName),
  audience: z._default(
    z.string("must be the audience of the tokens").check(z.minLength(1), z.maxLength(200)),
    "",
  ),
  callers: z._default(listOf(guid), []),
  roles: z._default(listOf(z.string().check(z.minLength(1))), []),
  addresses: z._default(listOf(range), []),
  functionKey: z._default(z.boolean("must be true or false"), false),
  hunts: z._default(listOf(huntRule), []),
  eventGrid: z._default(z.boolean("must be true or false"), false),
  /** The tenant whose verdicts, files and hunts it serves; `default` without it. */
  tenant: z.optional(z.string("must be the name of a tenant")),
});

/** One configured source, with defaults filled in. */
export interface Source {
  readonly name: string;
  readonly reader: ReaderName;
  /** Of the reader `generic` only. */
  readonly mapping: Mapping | undefined;
  readonly auth: AuthMethod;
  readonly allow: readonly WebhookAction[];
  /** In lower case; for the authentication `bodyHmac`. */
  readonly signatureHeader: string;
  /** In lower case; the header with the delivery's id. */
  readonly idHeader: string;
  readonly audience: string;
  readonly callers: readonly string[];
  readonly roles: readonly string[];
  /** Empty when requests are accepted from any address. */
  readonly addresses: readonly string[];
  /** Whether requests must also carry a function key. */
  readonly functionKey: boolean;
  readonly hunts: readonly HuntRule[];
  /** Whether Event Grid's validation of the endpoint is answered. */
  readonly eventGrid: boolean;
}

type SourceResult =
  | { readonly kind: "source"; readonly source: Source }
  | { readonly kind: "unknown" }
  /** Paths are JSON pointers into `WEBHOOKS`. */
  | { readonly kind: "invalid"; readonly faults: readonly InputFault[] };

/** Reads one source of the setting. A fault in one source does not affect the others. */
export function readSource(
  sources: Readonly<Record<string, unknown>>,
  name: string,
  mappings: Mappings,
): SourceResult {
  if (!webhookSource.safeParse(name).success || !Object.hasOwn(sources, name))
    return { kind: "unknown" };
  const { data, error } = sourceSchema.safeParse(sources[name]);
  const faults = error ? toInputFaults(error) : findFaults(data, name, mappings);
  return faults.length > 0 || !data
    ? {
        kind: "invalid",
        faults: faults.map(({ path, message }) => ({ path: `/${name}${path}`, message })),
      }
    : { kind: "source", source: toSource(data, name, mappings) };
}

type SourceSettings = z.infer<typeof sourceSchema>;

function toSource(settings: SourceSettings, name: string, mappings: Mappings): Source {
  const { addresses, allow, auth, idHeader, mapping } = settings;
  const reader = readerOf(settings, name);
  return {
    ...settings,
    name,
    reader,
    mapping: mapping === undefined ? undefined : mappings[mapping],
    allow: allow ?? listAllowedActions(reader, auth, areNarrow(addresses)),
    idHeader: idHeader ?? (auth === "bodyHmac" ? "x-github-delivery" : "idempotency-key"),
    functionKey: settings.functionKey || auth === "functionKey",
  };
}

const readerOf = ({ reader }: SourceSettings, name: string): ReaderName =>
  reader ?? readerNames.find((each) => each === name) ?? "generic";

function findFaults(settings: SourceSettings, name: string, mappings: Mappings): InputFault[] {
  const { audience, auth, callers, mapping, roles } = settings;
  const faults: InputFault[] = [];
  const needsMapping = readerOf(settings, name) === "generic";
  if (mapping === undefined ? needsMapping : !Object.hasOwn(mappings, mapping))
    faults.push({
      path: "/mapping",
      message: `must be one of ${Object.keys(mappings).join(", ")}`,
    });
  if (auth === "entra" && audience === "")
    faults.push({
      path: "/audience",
      message: "must be the audience of the tokens, such as api://<client id>",
    });
  if (auth === "entra" && callers.length === 0 && roles.length === 0)
    faults.push({
      path: "/callers",
      message: "must be client ids, unless roles are set: any app of the tenant can get a token",
    });
  return [...faults, ...findActionFaults(settings, name)];
}

/** A larger part of the address space does not identify a sender: 2^-8 of IPv4, 2^-16 of IPv6. */
const maxShareBits = { v4: 8, v6: 16 };

/** Tells whether the ranges restrict a source to a small part of the address space. */
function areNarrow(addresses: readonly string[]): boolean {
  const shareOf = (family: readonly string[], bits: number): number =>
    family.reduce((sum, range) => sum + 2 ** -Number(range.split("/")[1] ?? bits), 0);
  const v6 = addresses.filter((range) => range.includes(":"));
  const v4 = addresses.filter((range) => !range.includes(":"));
  return (
    addresses.length > 0 &&
    shareOf(v4, 32) <= 2 ** -maxShareBits.v4 &&
    shareOf(v6, 128) <= 2 ** -maxShareBits.v6
  );
}

function findActionFaults(settings: SourceSettings, name: string): InputFault[] {
  const { addresses, allow = [], auth } = settings;
  const reader = readerOf(settings, name);
  const isRestricted = areNarrow(addresses);
  const allowed = listAllowedActions(reader, auth, isRestricted);
  const origin = isRestricted ? "" : " from any address";
  return allow
    .filter((action) => !allowed.includes(action))
    .map(() => ({
      path: "/allow",
      message: `must be among ${allowed.join(", ")}: ${reader} with ${auth}${origin} allows no more`,
    }));
}
