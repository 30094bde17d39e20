/** The storage that discovery logs are put into: a blob address with its own signature, as Azure answers there. */
import { createHash } from "node:crypto";
import type { Exchange, Reply, Route } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { uploadPath, type Discovery, type Upload } from "./discovery.ts";

/** Above this a log goes up in blocks. */
const largestPut = 64 * 2 ** 20;

export const uploadStorageRoutes = (discovery: Discovery): readonly Route[] => [
  {
    api: "storage",
    name: "discovery-log.put",
    methods: ["PUT"],
    pattern: `${uploadPath}{id}/{filename}`,
    family: cloudAppsFamily,
    answer: (exchange) => put(discovery, exchange),
  },
];

function put({ uploads }: Discovery, exchange: Exchange): Reply {
  const upload = uploads.get(exchange.params["id"] ?? "");
  const { query, headers, bodyText } = exchange;
  if (!upload || query.get("sig") !== upload.signature) return refusal(403, "AuthenticationFailed");
  // A signed address and an Authorization header exclude each other.
  if (headers.authorization !== undefined) return refusal(403, "AuthenticationFailed");
  const bytes = Buffer.from(bodyText);
  switch (query.get("comp")) {
    case "block":
      return stage(upload, query.get("blockid") ?? "", bytes);
    case "blocklist":
      return commit(upload, bodyText);
    case null:
      if (headers["x-ms-blob-type"] !== "BlockBlob") return refusal(400, "MissingRequiredHeader");
      if (bytes.length > largestPut) return refusal(413, "RequestBodyTooLarge");
      return keep(upload, [bytes]);
    default:
      return refusal(400, "InvalidQueryParameterValue");
  }
}

function stage(upload: Upload, blockId: string, bytes: Buffer): Reply {
  const first = [...upload.blocks.keys()][0];
  if (blockId === "" || (first !== undefined && first.length !== blockId.length))
    return refusal(400, "InvalidBlobOrBlock");
  upload.blocks.set(blockId, bytes);
  return { status: 201, body: "", effect: { block: blockId, bytes: bytes.length } };
}

/** The blocks in the order of the list; one that was never put spoils it all. */
function commit(upload: Upload, list: string): Reply {
  const ids = [...list.matchAll(/<(?:Latest|Uncommitted)>([^<]+)</g)].map(([, id = ""]) => id);
  const blocks = ids.map((id) => upload.blocks.get(id));
  const found = blocks.filter((block) => block !== undefined);
  if (ids.length === 0 || found.length < ids.length) return refusal(400, "InvalidBlockList");
  upload.blocks.clear();
  return keep(upload, found);
}

function keep(upload: Upload, blocks: readonly Buffer[]): Reply {
  const hash = createHash("sha256");
  for (const block of blocks) hash.update(block);
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  upload.content = { bytes, sha256: hash.digest("hex"), blocks: blocks.length };
  return { status: 201, body: "", effect: { bytes } };
}

const refusal = (status: number, code: string): Reply => ({
  status,
  headers: { "content-type": "application/xml", "x-ms-error-code": code },
  body: `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`,
});
