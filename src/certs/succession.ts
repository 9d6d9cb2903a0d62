import { X509Certificate } from "node:crypto";
import type { KeyPair } from "#certs/authority";

/** An authority, with the one that is to follow it and those that went before. */
export interface Succession {
  /** Signs. */
  readonly current: KeyPair;
  /** Will sign, and is shown already: clients have time to trust it. */
  readonly next?: KeyPair;
  /** Have signed, and have not ended (PEM, one behind the other). */
  readonly retired: string;
}

/** What is done about a succession: `prepare` makes the next authority, `switch` lets it sign. */
export type SuccessionStep = "rest" | "prepare" | "switch";

/** Shares of an authority's life: when the next one is made, when that signs, and when it has to. */
const prepareShare = 1 / 2;
const switchShare = 3 / 4;
const latestShare = 19 / 20;
/** How long the next one is shown before it signs, where it was made late. */
const noticeShare = 1 / 10;

/** Decides it. `now` is in milliseconds since 1970. */
export function successionStep({ current, next }: Succession, now: number): SuccessionStep {
  const [from, to] = lifeOf(current.certificate);
  const at = (share: number): number => from + (to - from) * share;
  if (next === undefined) return now < at(prepareShare) ? "rest" : "prepare";
  const [noticedFrom] = lifeOf(next.certificate);
  const noticed = noticedFrom + (to - from) * noticeShare;
  return now < Math.min(at(latestShare), Math.max(at(switchShare), noticed)) ? "rest" : "switch";
}

/** Lets the next authority sign. */
export function succeed({ current, next, retired }: Succession, now: number): Succession {
  if (next === undefined) return { current, retired };
  return { current: next, retired: current.certificate + living(retired, now) };
}

/** What clients are to trust: PEM. */
export function trustedBy({ current, next, retired }: Succession, now: number): string {
  return `${current.certificate}${next?.certificate ?? ""}${living(retired, now)}`;
}

function living(certificates: string, now: number): string {
  return certificatesIn(certificates).filter((certificate) => now < lifeOf(certificate)[1]).join("");
}

/** The certificates of a PEM text, one by one. */
export function certificatesIn(text: string): readonly string[] {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].map(([pem]) => `${pem}\n`);
}

function lifeOf(certificate: string): readonly [from: number, to: number] {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return [validFromDate.getTime(), validToDate.getTime()];
}
