/** The storage for discovery logs: a blob URL with a signature, with Azure's answers. */
import { createHash } from "node:crypto";
import type { Exchange, Reply, Route } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { uploadPath, type Discovery, type Upload } from "./discovery.ts";

/** Larger logs are uploaded in blocks. */
const maxPutBytes = 64 * 2 ** 20;

export const createUploadStorageRoutes = (discovery: Discovery): readonly Route[] => [
  {
    api: "storage",
    name: "discovery-log.put",
    methods: ["PUT"],
    pattern: `${uploadPath}{id}/{filename}`,
    family: cloudAppsFamily,
    answer: (exchange) => putBlob(discovery, exchange),
  },
];

function putBlob({ uploads }: Discovery, exchange: Exchange): Reply {
  const upload = uploads.get(exchange.params["id"] ?? "");
  const { query, headers, bodyText } = exchange;
  if (!upload || query.get("sig") !== upload.signature)
    return toRefusal(403, "AuthenticationFailed");
  // A signed URL and an Authorization header exclude each other.
  if (headers.authorization !== undefined) return toRefusal(403, "AuthenticationFailed");
  const bytes = Buffer.from(bodyText);
  switch (query.get("comp")) {
    case "block":
      return stageBlock(upload, query.get("blockid") ?? "", bytes);
    case "blocklist":
      return commitBlocks(upload, bodyText);
    case null:
      if (headers["x-ms-blob-type"] !== "BlockBlob") return toRefusal(400, "MissingRequiredHeader");
      if (bytes.length > maxPutBytes) return toRefusal(413, "RequestBodyTooLarge");
      return storeContent(upload, [bytes]);
    default:
      return toRefusal(400, "InvalidQueryParameterValue");
  }
}

function stageBlock(upload: Upload, blockId: string, bytes: Buffer): Reply {
  const first = [...upload.blocks.keys()][0];
  if (blockId === "" || (first !== undefined && first.length !== blockId.length))
    return toRefusal(400, "InvalidBlobOrBlock");
  upload.blocks.set(blockId, bytes);
  return { status: 201, body: "", effect: { block: blockId, bytes: bytes.length } };
}

/** Joins the blocks in the order of the list; fails if a block was never uploaded. */
function commitBlocks(upload: Upload, blockList: string): Reply {
  const ids = [...blockList.matchAll(/<(?:Latest|Uncommitted)>([^<]+)</g)].map(([, id = ""]) => id);
  const blocks = ids.map((id) => upload.blocks.get(id));
  const existing = blocks.filter((block) => block !== undefined);
  if (ids.length === 0 || existing.length < ids.length) return toRefusal(400, "InvalidBlockList");
  upload.blocks.clear();
  return storeContent(upload, existing);
}

function storeContent(upload: Upload, blocks: readonly Buffer[]): Reply {
  const hash = createHash("sha256");
  for (const block of blocks) hash.update(block);
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  upload.content = { bytes, sha256: hash.digest("hex"), blocks: blocks.length };
  return { status: 201, body: "", effect: { bytes } };
}

const toRefusal = (status: number, code: string): Reply => ({
  status,
  headers: { "content-type": "application/xml", "x-ms-error-code": code },
  body: `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`,
});
