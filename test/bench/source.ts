/** Child: a server that streams answers of `/{kind}/{rows}/…`, as fast as they are taken. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { prepare, type AnswerKind, type Prepared } from "./answers.ts";

const prepared = new Map<string, Prepared>();
const pieceBytes = 65_536;

/** Listens on a free port and tells the parent which. */
export function serve(): void {
  const server = createServer((request, response) => {
    request.resume();
    const [, kind = "plain", rows = "0"] = (request.url ?? "").split("/");
    const answer = prepared.get(kind) ?? prepare(kind as AnswerKind);
    prepared.set(kind, answer);
    response.writeHead(200, { "content-type": "application/json" });
    void send(response, answer, Number(rows));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

async function send(
  response: ServerResponse,
  { block, blockRows, head }: Prepared,
  rows: number,
): Promise<void> {
  response.write(head);
  for (let sent = 0; sent < rows; sent += blockRows) {
    if (sent > 0) response.write(",");
    for (let at = 0; at < block.length; at += pieceBytes)
      if (!response.write(block.subarray(at, at + pieceBytes)))
        await new Promise((resolve) => {
          response.once("drain", resolve);
        });
  }
  response.end("]}");
}
