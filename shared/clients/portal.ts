/** Addresses in the Defender portal for people to open. */
import { gzipSync } from "node:zlib";

/**
 * The hunting page with a query filled in. The portal takes it as UTF-16LE, gzip-compressed, in base64.
 *
 * @param root - `https://security.microsoft.com` or its government form
 * @param tenantId - so that people with several tenants land in the right one
 */
export function buildHuntingUrl(root: string, tenantId: string, query: string): string {
  const url = new URL("/v2/advanced-hunting", root);
  url.searchParams.set("tid", tenantId);
  url.searchParams.set("query", gzipSync(Buffer.from(query, "utf16le")).toString("base64"));
  url.searchParams.set("timeRangeId", "month");
  return url.href;
}
