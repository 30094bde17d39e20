/** Addresses in answers. */

/** A request's URL with these query parameters set. */
export function withQuery(
  requestUrl: string,
  parameters: Readonly<Record<string, string | number>>,
): string {
  const url = new URL(requestUrl);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return url.href;
}
