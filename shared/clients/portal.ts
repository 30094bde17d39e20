/** Builds addresses of the Defender portal. */
import { gzipSync } from "node:zlib";

/**
 * Returns the address of the hunting page with a query. The portal reads it as base64 of
 * gzip-compressed UTF-16LE.
 *
 * @param root - `https://security.microsoft.com` or its government form
 * @param tenantId - selects the tenant for users of several tenants
 */
export function buildHuntingUrl(root: string, tenantId: string, query: string): string {
  const url = new URL("/v2/advanced-hunting", root);
  url.searchParams.set("tid", tenantId);
  url.searchParams.set("query", gzipSync(Buffer.from(query, "utf16le")).toString("base64"));
  url.searchParams.set("timeRangeId", "month");
  return url.href;
}
