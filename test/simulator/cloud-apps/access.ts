/** Authorization in Cloud Apps: API tokens, application permissions. */
import type { Claims, Tokens } from "../entra/tokens.ts";
import { audiences } from "../entra/directory.ts";
import type { Exchange, Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import type { Action, Caller } from "./resource.ts";

/**
 * Permissions that allow each action, in lower case because the documents spell roles both ways. No
 * application permission allows files.
 */
const allowedBy: Readonly<Record<Action, readonly string[]>> = {
  activities: ["investigation.read", "investigation.manage"],
  "alerts.read": [
    "investigation.read",
    "investigation.manage",
    "discovery.read",
    "discovery.manage",
  ],
  "alerts.close": ["investigation.manage", "discovery.manage"],
  entities: ["investigation.read", "investigation.manage"],
  files: [],
  "subnet.read": ["investigation.read", "investigation.manage", "settings.read", "settings.manage"],
  "subnet.write": ["investigation.manage", "settings.manage"],
  "discovery.read": ["discovery.read", "discovery.manage"],
  "discovery.write": ["discovery.manage"],
  governance: ["investigation.read", "investigation.manage", "discovery.read", "discovery.manage"],
};

/** The legacy API tokens that people create in the portal. */
export interface ApiTokens {
  /** Adds a token with its owner's rights. */
  readonly add: (token: string, owner?: string) => void;
  /** Removes the token's owner: calls get 403 from now on. */
  readonly revoke: (token: string) => void;
  /** Removes the token: calls get 401 from now on. */
  readonly remove: (token: string) => void;
  readonly find: (
    token: string,
  ) => { readonly owner: string; readonly revoked: boolean } | undefined;
}

export function createApiTokens(): ApiTokens {
  const keys = new Map<string, { owner: string; revoked: boolean }>();
  return {
    add: (token, owner = "Automation (admin@contoso.com)") =>
      void keys.set(token, { owner, revoked: false }),
    revoke: (token) => {
      const key = keys.get(token);
      if (key) key.revoked = true;
    },
    remove: (token) => void keys.delete(token),
    find: (token) => keys.get(token),
  };
}

export type AuthorizationResult =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "refused"; readonly reply: Reply };

/** Checks `Authorization: Token <key>` or `Bearer <jwt>` and the permission for the action. */
export async function authorizeCaller(
  exchange: Exchange,
  action: Action,
  keys: ApiTokens,
  tokens: Tokens,
): Promise<AuthorizationResult> {
  const [scheme = "", secret = ""] = (exchange.headers.authorization ?? "").split(/ +/);
  if (scheme.toLowerCase() === "token") return authorizeKey(exchange, keys, secret);
  if (scheme.toLowerCase() !== "bearer")
    return toRefusal(cloudAppsFamily.unauthorized(exchange, credentialsMissing));
  const check = await tokens.check(secret);
  if (check.kind !== "valid" || !audiences["cloud-apps"].includes(check.claims.aud)) {
    return toRefusal(cloudAppsFamily.unauthorized(exchange));
  }
  exchange.record.caller = check.claims.appid;
  return hasPermission(check.claims, action)
    ? { kind: "caller", caller: { kind: "oauth", user: check.claims.appid } }
    : toRefusal(cloudAppsFamily.forbidden(exchange, action, check.claims.roles));
}

const credentialsMissing = "Authentication credentials were not provided.";

const toRefusal = (reply: Reply): AuthorizationResult => ({ kind: "refused", reply });

const hasPermission = ({ roles }: Claims, action: Action): boolean =>
  roles.some((role) => allowedBy[action].includes(role.toLowerCase()));

function authorizeKey(exchange: Exchange, keys: ApiTokens, secret: string): AuthorizationResult {
  const key = keys.find(secret);
  if (!key) return toRefusal(cloudAppsFamily.unauthorized(exchange));
  exchange.record.caller = "token";
  return key.revoked
    ? toRefusal(cloudAppsFamily.forbidden(exchange, "", []))
    : { kind: "caller", caller: { kind: "token", user: key.owner } };
}
