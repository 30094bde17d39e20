/**
 * Interactive sign-in of single-page applications: authorization code with PKCE, redeemed by the
 * browser across origins. The one user of the tenant is signed in and consents to everything.
 */
import { createHash, randomUUID } from "node:crypto";
import { toJsonReply, type Exchange, type Reply } from "../server/exchange.ts";
import { toAadstsError } from "./aadsts.ts";
import type { Directory, SinglePageApp } from "./directory.ts";
import type { Tokens } from "./tokens.ts";

interface SignInDeps {
  readonly directory: Directory;
  readonly tokens: Tokens;
}

/** What a code was issued for. */
interface Grant {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
  readonly scope: string;
}

const tokenLifetimeS = 3_599;

export class SignIn {
  readonly #deps: SignInDeps;
  readonly #codes = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, Grant>();

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  /** Answers the browser's navigation: back to the application with a code in the fragment. */
  authorize(exchange: Exchange): Reply {
    const { query } = exchange;
    const clientId = query.get("client_id") ?? "";
    const redirectUri = query.get("redirect_uri") ?? "";
    const app = this.#findApp(clientId);
    if (!app) return toAadstsError(exchange, 700016, clientId);
    if (!app.redirectUris.includes(redirectUri)) return toAadstsError(exchange, 50011, redirectUri);
    if (query.get("code_challenge_method") !== "S256") return toAadstsError(exchange, 9002325);
    const code = randomUUID();
    this.#codes.set(code, {
      clientId,
      redirectUri,
      challenge: query.get("code_challenge") ?? "",
      nonce: query.get("nonce") ?? "",
      scope: query.get("scope") ?? "",
    });
    const answer = new URLSearchParams({
      code,
      client_info: this.#createClientInfo(),
      state: query.get("state") ?? "",
      session_state: randomUUID(),
    });
    return { status: 302, headers: { location: `${redirectUri}#${answer.toString()}` } };
  }

  /** Redeems a code or a refresh token; a code is valid once. */
  async redeem(exchange: Exchange, form: URLSearchParams): Promise<Reply> {
    if (exchange.headers.origin === undefined) return toAadstsError(exchange, 9002327);
    const isCode = form.get("grant_type") === "authorization_code";
    const value = form.get(isCode ? "code" : "refresh_token") ?? "";
    const grant = (isCode ? this.#codes : this.#refreshTokens).get(value);
    this.#codes.delete(value);
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (!grant || (isCode && challenge !== grant.challenge)) return toAadstsError(exchange, 70008);
    return toJsonReply(200, await this.#createTokens(exchange, grant), {
      "cache-control": "no-store",
    });
  }

  async #createTokens(exchange: Exchange, grant: Grant): Promise<object> {
    const { directory, tokens } = this.#deps;
    const [audience = ""] = grant.scope
      .split(" ")
      .flatMap((part) => /^(.*)\/\.default$/.exec(part)?.[1] ?? []);
    const issuer = `${exchange.origin}/${directory.tenantId}/v2.0`;
    const { accessToken, idToken } = await tokens.issueForUser({
      user: directory.user,
      clientId: grant.clientId,
      audience,
      nonce: grant.nonce,
      issuer,
      lifetimeS: tokenLifetimeS,
    });
    const refreshToken = randomUUID();
    this.#refreshTokens.set(refreshToken, grant);
    return {
      token_type: "Bearer",
      scope: `${audience}/access_as_user ${audience}/.default openid profile offline_access`,
      expires_in: tokenLifetimeS,
      ext_expires_in: tokenLifetimeS,
      access_token: accessToken,
      id_token: idToken,
      refresh_token: refreshToken,
      client_info: this.#createClientInfo(),
    };
  }

  #findApp(clientId: string): SinglePageApp | undefined {
    return this.#deps.directory.singlePageApps.find((app) => app.clientId === clientId);
  }

  #createClientInfo(): string {
    const { tenantId, user } = this.#deps.directory;
    const info = { uid: user.objectId, utid: tenantId };
    return Buffer.from(JSON.stringify(info)).toString("base64url");
  }
}
