/** An HTTP proxy in front of a real server that breaks the next exchanges as requested. */
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/**
 * `drop-answer`: the server acts, the connection closes before the response. `hang`: no response
 * arrives. `busy`: 503 without asking the server. `forbid`, `shut-out`, `bad-key`: 403 likewise: a
 * missing role, a network rule, a wrong key. `damage`: the body reaches the server with its first
 * byte changed.
 */
type Fault = "drop-answer" | "hang" | keyof typeof refusals | "damage" | "pass";

/** Status and code of what a storage account refuses. */
const refusals = {
  busy: [503, "ServerBusy"],
  forbid: [403, "AuthorizationPermissionMismatch"],
  "shut-out": [403, "AuthorizationFailure"],
  "bad-key": [403, "AuthenticationFailed"],
} as const;

const blobPort = /(?<=BlobEndpoint=http:\/\/127\.0\.0\.1:)\d+/;

/** Returns the local blob endpoint of an account, for a proxy in front of it. */
export const blobPortOf = (connection: string): number => Number(blobPort.exec(connection)?.[0]);

/** The same account, its blobs by way of another port. */
export const withBlobPort = (connection: string, port: number): string =>
  connection.replace(blobPort, String(port));

export interface FlakyProxy {
  readonly port: number;
  /** Faults of the next requests that match, in order. */
  readonly injectFaults: (
    faults: readonly Fault[],
    matches?: (request: IncomingMessage) => boolean,
  ) => void;
  /** Requests seen, as `METHOD path`. */
  readonly requests: string[];
  readonly stop: () => Promise<void>;
}

export async function startFlakyProxy(targetPort: number): Promise<FlakyProxy> {
  let pendingFaults: Fault[] = [];
  let isMatch: (request: IncomingMessage) => boolean = () => true;
  const requests: string[] = [];

  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.split("?")[0]}`);
    const fault = isMatch(request) ? (pendingFaults.shift() ?? "pass") : "pass";
    if (fault === "hang") return void request.resume();
    if (fault in refusals) return refuseRequest(request, response, fault as keyof typeof refusals);
    forwardRequest(request, response, targetPort, fault);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    // A server that listens on TCP has an address object.
    port: (server.address() as AddressInfo).port,
    injectFaults: (faults, only = () => true) => {
      pendingFaults = [...faults];
      isMatch = only;
    },
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function refuseRequest(
  request: IncomingMessage,
  response: ServerResponse,
  fault: keyof typeof refusals,
): void {
  request.resume();
  const [status, code] = refusals[fault];
  response.writeHead(status, { "x-ms-error-code": code, "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
  );
}

function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  fault: Fault,
): void {
  const { headers, method, url } = request;
  const upstream = forward({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    if (fault === "drop-answer") {
      answer.resume();
      answer.once("end", () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.once("error", () => request.socket.destroy());
  if (fault === "damage") request.once("data", (chunk: Buffer) => (chunk[0] = (chunk[0] ?? 0) ^ 1));
  request.pipe(upstream);
}
