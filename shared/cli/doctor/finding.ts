/** What the doctor says of one thing. */
export interface Finding {
  /** What was looked at: `hunting`, `secret audit-key`. */
  readonly about: string;
  /** `limited`: it works, and something takes a longer way. */
  readonly state: "well" | "limited" | "ill";
  readonly says: string;
  /** The command that mends it, or the way that is taken instead. Names in angle brackets are the reader's own. */
  readonly mend?: string;
}

export const well = (about: string, says: string): Finding => ({ about, state: "well", says });
export const limited = (about: string, says: string, mend: string): Finding => ({
  about,
  state: "limited",
  says,
  mend,
});
export const ill = (about: string, says: string, mend: string): Finding => ({
  about,
  state: "ill",
  says,
  mend,
});
