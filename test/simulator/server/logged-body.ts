/** A request's body as the log keeps it: parsed, without secrets. */

const secretFields = new Set(["client_secret", "client_assertion"]);

/** JSON or form fields; text where it is neither; undefined when there is none. */
export function readLoggedBody(text: string, contentType: string | undefined): unknown {
  if (text === "") return undefined;
  if (contentType?.startsWith("application/x-www-form-urlencoded")) {
    const fields = [...new URLSearchParams(text)];
    return Object.fromEntries(
      fields.map(([name, value]) => [
        name,
        secretFields.has(name) ? `(${value.length} characters)` : value,
      ]),
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
