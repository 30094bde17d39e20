/** `%SETTING%` in a schedule, a queue's name, a path or a connection. */

/** The environment as the host reads it. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Replaces each `%NAME%` by that app setting.
 *
 * @throws Error naming the setting that is missing, or the unclosed `%`; never a value
 */
export function substituteSettings(text: string, env: Env): string {
  const pieces = text.split("%");
  if (pieces.length % 2 === 0) throw new Error(`"${text}" has a % without its partner`);
  return pieces
    .map((piece, index) => (index % 2 === 0 ? piece : readSetting(piece, text, env)))
    .join("");
}

function readSetting(name: string, text: string, env: Env): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new Error(`"${text}" needs the app setting ${name}, which is not set`);
  return value;
}
