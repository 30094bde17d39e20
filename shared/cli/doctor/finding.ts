/** One finding of the doctor. */
export interface DoctorFinding {
  /** What was checked: `hunting`, `secret audit-key`. */
  readonly subject: string;
  /** `warning`: it works, but in a slower way or not completely checked. */
  readonly state: "ok" | "warning" | "error";
  readonly message: string;
  /** The command that fixes it, or what happens instead. Replace names in angle brackets. */
  readonly fix?: string;
}

export const reportOk = (subject: string, message: string): DoctorFinding => ({
  subject,
  state: "ok",
  message,
});
export const reportWarning = (subject: string, message: string, fix: string): DoctorFinding => ({
  subject,
  state: "warning",
  message,
  fix,
});
export const reportError = (subject: string, message: string, fix: string): DoctorFinding => ({
  subject,
  state: "error",
  message,
  fix,
});
