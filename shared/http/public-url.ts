/** Addresses in answers. */

/**
 * Returns an address of this app as callers see it.
 *
 * @param publicUrl - the setting PUBLIC_URL, which may have a path; without it the address stays
 */
export function toPublicUrl(url: string, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return url;
  const { pathname, search } = new URL(url);
  return `${publicUrl.replace(/\/+$/, "")}${pathname}${search}`;
}

/** A request's URL with these query parameters set. */
export function withQuery(
  requestUrl: string,
  parameters: Readonly<Record<string, string | number>>,
): string {
  const url = new URL(requestUrl);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return url.href;
}
