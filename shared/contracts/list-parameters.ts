/** Parameters and links of paged lists. */
import * as z from "zod/mini";
import { webhookSource } from "./webhook.ts";

/** `top`: items of a page; `skipToken`: from the `nextLink` of the page before. */
export const listParameters = z.object({
  top: z._default(
    z.coerce.number("must be a whole number from 1 to 200").check(z.int(), z.gte(1), z.lte(200)),
    100,
  ),
  skipToken: z.optional(z.string().check(z.maxLength(500, "must have at most 500 characters"))),
});

/** Parameters of the list of deliveries: of one source, or of all. */
export const deliveryParameters = z.object({
  ...listParameters.shape,
  source: z.optional(webhookSource),
});

/** Returns the address of the next page; null without a token. */
export function createNextLink(requestUrl: string, skipToken: string | undefined): string | null {
  if (skipToken === undefined) return null;
  const url = new URL(requestUrl);
  url.searchParams.set("skipToken", skipToken);
  return url.href;
}
