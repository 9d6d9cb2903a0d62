import type { ServingCertificate } from "#translate/secrets/certificate";

const dayMs = 24 * 60 * 60 * 1000;

/** Since when a certificate should have been renewed: two weeks before its end, later where its whole life is short. */
export function endsSoonFrom({ validFrom, expiresAt }: ServingCertificate): number {
  return expiresAt - Math.min(14 * dayMs, (expiresAt - validFrom) / 6);
}

/** Moments at which users are told something else about a Secret, in milliseconds since 1970. */
export interface SecretMoments {
  /** When all of it counts. */
  readonly begins: number;
  /** Later moments, when parts of it end. */
  readonly later: readonly number[];
}

/** How many of the moments have passed. A Secret of which nothing is wrong is in its phase 1. */
export function phaseAt({ begins, later }: SecretMoments, time: number): number {
  return [begins, ...later].filter((moment) => moment <= time).length;
}

/** A time as users read it. */
export function writeTime(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}
