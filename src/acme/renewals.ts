import type { Logger } from "pino";
import type { HeldCertificate } from "#acme/certificate";
import type { AcmeIssuer } from "#acme/issuers";
import { renewalTime } from "#acme/plan";

interface Known {
  readonly fingerprint: string;
  /** The window that the time was chosen in; empty for none. */
  readonly window: string;
  readonly renewAt: number;
  /** When the server is asked again. */
  readonly askAgainAt?: number;
}

/** How long to wait with the next question after one that failed. */
const failedAskMs = 600_000;

/** Knows when each certificate is renewed. Chosen once by chance, then kept, until the server suggests another time. */
export class Renewals {
  readonly #options: { readonly clock: () => number; readonly random: () => number; readonly log: Logger };
  readonly #known = new Map<string, Known>();

  constructor(options: { readonly clock: () => number; readonly random: () => number; readonly log: Logger }) {
    this.#options = options;
  }

  /** When a certificate is to be renewed, and when that may change. Asks its issuer, if that is open. */
  async of(key: string, certificate: HeldCertificate, chain: string, issuer: AcmeIssuer | undefined): Promise<Known> {
    const { clock, random, log } = this.#options;
    const before = this.#known.get(key);
    const known = before?.fingerprint === certificate.fingerprint ? before : undefined;
    if (known !== undefined && clock() < (known.askAgainAt ?? (issuer === undefined ? Infinity : 0))) return known;
    const hint = await issuer?.authority.renewalHint(chain).catch((error: unknown) => (log.debug({ certificate: key, reason: String(error) }, "no renewal hint"), "failed" as const));
    const window = hint === undefined || hint === "failed" ? undefined : hint;
    const name = window === undefined ? "" : `${window.start}-${window.end}`;
    const kept = known !== undefined && (known.window === name || hint === "failed");
    const askAgainAt = issuer === undefined ? undefined : clock() + (window?.askAgainMs ?? failedAskMs);
    const next: Known = { fingerprint: certificate.fingerprint, window: kept ? known.window : name, renewAt: kept ? known.renewAt : renewalTime(certificate, window, random()), ...(askAgainAt === undefined ? {} : { askAgainAt }) };
    this.#known.set(key, next);
    return next;
  }
}
