import type { Logger } from "pino";
import { authoritySecret, readAuthority } from "#app/xds-identity";
import { endOf, lifeDays } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import { xdsSecretFate } from "#certs/xds-rotation";
import type { XdsSecret } from "#certs/xds-rotation";
import { issueXdsCertificate, xdsSecretNames } from "#certs/xds-secrets";
import type { XdsSide } from "#certs/xds-secrets";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";

/** What happened to a certificate between the controller and Envoys. Times in milliseconds since 1970. */
export type XdsSecretNews =
  | { readonly kind: "renewed"; readonly endsAt: number }
  /** It ends soon, or has ended, and will not be renewed from here. */
  | { readonly kind: "ending"; readonly endsAt: number; readonly because: string };

/** What keeping these certificates valid needs. */
export interface XdsSecretRotationOptions {
  readonly client: ApiClient;
  /** The controller's namespace. */
  readonly namespace: string;
  readonly log: Logger;
  readonly clock: () => number;
  /** Runs something later, unless the controller ends before. */
  readonly later: (ms: number, run: () => void) => () => void;
  /** Hears when the certificates of Secrets end, by name: of those that there are, while this replica leads. */
  readonly onEnds: (ends: ReadonlyMap<string, number>) => void;
  readonly onNews: (secret: string, news: XdsSecretNews) => void;
}

interface SecretObject extends XdsSecret {
  readonly metadata: XdsSecret["metadata"] & { readonly name: string };
}

const sides = Object.entries(xdsSecretNames) as readonly (readonly [XdsSide, string])[];
const longestRestMs = 3_600_000;
const shortestRestMs = 1_000;
const troubleMs = 60_000;
/** From so long before its end on it is told of a certificate that is not renewed. */
const soonMs = 14 * 86_400_000;

/**
 * Replaces, in time, the certificates that `contour certgen` has put into Secrets. Their authority stays, so either side knows the other
 * one with old and new ones; kubelet shows the new ones to the pods, and Envoys and controllers take them over without a restart.
 */
export class XdsSecretRotation {
  readonly #options: XdsSecretRotationOptions;
  #leading = false;
  #busy = false;
  #again = false;
  #cancel: (() => void) | undefined;

  constructor(options: XdsSecretRotationOptions) {
    this.#options = options;
  }

  /** Only the leader writes. */
  setLeading(leading: boolean): void {
    this.#leading = leading;
    if (leading) return this.#wake();
    this.#cancel?.();
    this.#options.onEnds(new Map());
  }

  /** A Secret has changed, that may be one of these. */
  secretChanged(namespace: string, name: string): void {
    if (namespace === this.#options.namespace && (name === authoritySecret || sides.some(([, secret]) => secret === name))) this.#wake();
  }

  #wake(): void {
    if (!this.#leading) return;
    this.#again = this.#busy;
    if (this.#busy) return;
    this.#busy = true;
    this.#cancel?.();
    void this.#look().then((restMs) => {
      this.#busy = false;
      if (this.#again) this.#wake();
      else this.#cancel = this.#options.later(restMs, () => this.#wake());
    });
  }

  /** Looks at all of them; gives how long there is nothing to do. */
  async #look(): Promise<number> {
    const { client, namespace, clock, log, onEnds } = this.#options;
    try {
      const authority = await readAuthority(client, namespace);
      const ends = new Map<string, number>();
      let next = clock() + longestRestMs;
      for (const [side, name] of sides) {
        const looked = await this.#keep(authority, side, name);
        if (looked === undefined) continue;
        ends.set(name, looked.endsAt);
        next = Math.min(next, looked.until);
      }
      if (authority !== undefined && ends.size > 0) this.#lookAtAuthority(authority, ends);
      if (this.#leading) onEnds(ends);
      return Math.max(next - clock(), shortestRestMs);
    } catch (error) {
      const forbidden = statusOf(error) === 403;
      log.warn({ reason: String(error) }, forbidden ? "the certificates of the xDS connection are not renewed: the rights are those of another release" : "the certificates of the xDS connection cannot be looked after; trying again");
      return forbidden ? longestRestMs : troubleMs;
    }
  }

  async #keep(authority: KeyPair | undefined, side: XdsSide, name: string): Promise<{ readonly endsAt: number; readonly until: number } | undefined> {
    const { client, namespace, clock, log, onNews } = this.#options;
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    const secret = await client.call<SecretObject>({ path }).catch((error: unknown) => (statusOf(error) === 404 ? undefined : Promise.reject(error)));
    const fate = secret === undefined ? undefined : xdsSecretFate(authority, secret, clock());
    if (secret === undefined || fate?.endsAt === undefined) return undefined;
    if (fate.kind === "keep") return fate;
    if (fate.kind === "foreign" || authority === undefined) {
      this.#warn(name, fate.endsAt, "it was not made here, so whoever did has to renew it; contour certgen --kube --overwrite makes another one, which is renewed");
      return { endsAt: fate.endsAt, until: Infinity };
    }
    const days = lifeDays(Buffer.from(secret.data?.["tls.crt"] ?? "", "base64").toString("utf8"));
    const pair = await issueXdsCertificate(authority, side, { namespace, days, now: clock() });
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    const body = { ...secret, data: { ...secret.data, "tls.crt": encode(pair.certificate), "tls.key": encode(pair.key) } };
    // The version that was read goes with it: who writes at the same time is not overwritten.
    const written = await client.call<SecretObject>({ method: "PUT", path, body });
    const renewed = xdsSecretFate(authority, written, clock());
    log.info({ secret: name, ends: new Date(renewed.endsAt ?? 0).toISOString() }, "a certificate of the xDS connection was renewed");
    onNews(name, { kind: "renewed", endsAt: renewed.endsAt ?? 0 });
    return { endsAt: renewed.endsAt ?? 0, until: renewed.kind === "keep" ? renewed.until : 0 };
  }

  #lookAtAuthority({ certificate }: KeyPair, ends: Map<string, number>): void {
    const endsAt = endOf(certificate);
    ends.set(authoritySecret, endsAt);
    this.#warn(authoritySecret, endsAt, "delete this Secret, then run contour certgen --kube --overwrite: Envoys take the new authority as soon as their volumes show it");
  }

  #warn(secret: string, endsAt: number, because: string): void {
    const { clock, log, onNews } = this.#options;
    if (endsAt - clock() > soonMs) return;
    log.warn({ secret, ends: new Date(endsAt).toISOString(), because }, "a certificate of the xDS connection ends, and is not renewed");
    onNews(secret, { kind: "ending", endsAt, because });
  }
}
