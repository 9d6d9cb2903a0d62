import type { Finding } from "./finding.ts";

/** What the checks found over one wiring, by the check's id. */
export interface WiringResult {
  readonly wiring: string;
  /** Which parts were the real ones. */
  readonly component: string;
  readonly findings: Readonly<Record<string, Finding>>;
}
