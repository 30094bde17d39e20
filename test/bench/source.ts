/** Child: a server that streams answers of `/{kind}/{rows}/…` as fast as the client reads them. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { prepareAnswer, type AnswerKind, type AnswerParts } from "./answers.ts";

const preparedAnswers = new Map<string, AnswerParts>();
const pieceBytes = 65_536;

/** Listens on a free port and reports it to the parent. */
export function serveAnswers(): void {
  const server = createServer((request, response) => {
    request.resume();
    const [, kind = "plain", rows = "0"] = (request.url ?? "").split("/");
    const answer = preparedAnswers.get(kind) ?? prepareAnswer(kind as AnswerKind);
    preparedAnswers.set(kind, answer);
    response.writeHead(200, { "content-type": "application/json" });
    void streamAnswer(response, answer, Number(rows));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

async function streamAnswer(
  response: ServerResponse,
  { block, blockRows, head }: AnswerParts,
  rows: number,
): Promise<void> {
  response.write(head);
  for (let sentRows = 0; sentRows < rows; sentRows += blockRows) {
    if (sentRows > 0) response.write(",");
    for (let at = 0; at < block.length; at += pieceBytes)
      if (!response.write(block.subarray(at, at + pieceBytes)))
        await new Promise((resolve) => {
          response.once("drain", resolve);
        });
  }
  response.end("]}");
}
