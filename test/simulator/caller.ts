/** HTTP caller for the simulator's own tests: gets tokens as an app does. */
import { request as secureRequest } from "node:https";
import { audiences, type Resource } from "./entra/directory.ts";
import type { Simulator } from "./simulator.ts";

/** A response with its whole body. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; empty if it is not JSON. */
  readonly body: Record<string, unknown>;
}

/** Fetches a token of the hunting or the response identity from the managed identity endpoint. */
export async function fetchToken(
  simulator: Simulator,
  resource: Resource,
  identity: "hunt" | "act" = "hunt",
): Promise<string> {
  const {
    IDENTITY_ENDPOINT = "",
    IDENTITY_HEADER = "",
    HUNTING_IDENTITY_CLIENT_ID = "",
    RESPONSE_IDENTITY_CLIENT_ID = "",
  } = simulator.settings;
  const clientId = identity === "hunt" ? HUNTING_IDENTITY_CLIENT_ID : RESPONSE_IDENTITY_CLIENT_ID;
  const audience = encodeURIComponent(audiences[resource][0] ?? "");
  const answer = await sendRequest(
    `${IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=${audience}&client_id=${clientId}`,
    {
      headers: { "x-identity-header": IDENTITY_HEADER },
    },
  );
  return answer.body["access_token"] as string;
}

export async function sendRequest(url: string, init: RequestInit = {}): Promise<HttpResponse> {
  const response = await fetch(url, { redirect: "manual", ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parseJson(text) };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const paths = {
  graph: "/v1.0/security/runHuntingQuery",
  xdr: "/api/advancedhunting/run",
  defender: "/api/advancedqueries/run",
  legacy: "/advancedqueries/query",
} as const;

/** Runs a query on one generation of the hunting API. */
export async function runHuntingQuery(
  simulator: Simulator,
  query: string,
  options: {
    via?: keyof typeof paths;
    extraFields?: object;
    headers?: Record<string, string>;
    signal?: AbortSignal;
  } = {},
): Promise<HttpResponse> {
  const via = options.via ?? "graph";
  const resource = via === "legacy" ? "defender" : via;
  return sendRequest(
    `${via === "graph" ? simulator.urls.graph : simulator.urls.defender}${paths[via]}`,
    {
      method: "POST",
      headers: {
        authorization: `Bearer ${await fetchToken(simulator, resource)}`,
        "content-type": "application/json",
        ...options.headers,
      },
      body: JSON.stringify({ Query: query, ...options.extraFields }),
      ...(options.signal ? { signal: options.signal } : {}),
    },
  );
}

/** Calls Cloud Apps with the API token of the vault; `path` is relative to the root. */
export const callCloudApps = (
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
): Promise<HttpResponse> =>
  sendRequest(`${simulator.urls["cloud-apps"]}${path}`, {
    method,
    headers: {
      authorization: `Token ${simulator.vault.readValue("cloud-apps-token") ?? ""}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Posts a form to the login endpoint and trusts the simulator's certificate. */
export function postLoginForm(
  simulator: Simulator,
  form: Readonly<Record<string, string>>,
  path = `/${simulator.directory.tenantId}/oauth2/v2.0/token`,
  method = "POST",
): Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const request = secureRequest(
      `${simulator.urls.entra}${path}`,
      {
        method,
        ca: simulator.certificate,
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            body: parseJson(Buffer.concat(pieces).toString()),
            headers: response.headers,
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(method === "GET" ? undefined : new URLSearchParams(form).toString());
  });
}
