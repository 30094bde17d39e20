/** What the doctor says of one thing. */
export interface DoctorFinding {
  /** What was looked at: `hunting`, `secret audit-key`. */
  readonly subject: string;
  /** `reportWarning`: it works, and something takes a longer way. */
  readonly state: "well" | "limited" | "ill";
  readonly message: string;
  /** The command that mends it, or the way that is taken instead. Names in angle brackets are the reader's own. */
  readonly fix?: string;
}

export const reportOk = (subject: string, message: string): DoctorFinding => ({
  subject,
  state: "well",
  message,
});
export const reportWarning = (subject: string, message: string, fix: string): DoctorFinding => ({
  subject,
  state: "limited",
  message,
  fix,
});
export const reportError = (subject: string, message: string, fix: string): DoctorFinding => ({
  subject,
  state: "ill",
  message,
  fix,
});
