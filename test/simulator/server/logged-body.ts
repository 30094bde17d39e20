/** A request's body as logged: parsed, without secrets. */

const secretFields = new Set(["client_secret", "client_assertion"]);

/** Parses JSON or form fields; returns other bodies as text; undefined without a body. */
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
