import type { Authorization, Client, Order } from "acme-client";
import { renewalId } from "#acme/certificate";
import { AcmeProblem, describeProblem, retryAfter } from "#acme/problem";
import { createTransport } from "#acme/transport";
import type { RevocationReason } from "#acme/revocation";
import type { Transport } from "#acme/transport";

/** An account at an ACME server. */
export interface AuthorityOptions {
  readonly server: string;
  readonly caBundle?: string;
  readonly accountKey: string;
  readonly contacts: readonly string[];
  readonly binding?: { readonly keyId: string; readonly hmacKey: string };
  readonly env: NodeJS.ProcessEnv;
}

/** Problems that the same order without a predecessor would have, too. */
const notOfPredecessor: readonly string[] = ["rateLimited", "unreachable", "userActionRequired", "accountDoesNotExist", "unauthorized", "rejectedIdentifier"];

/** When a server would like a certificate to be renewed (RFC 9773), in milliseconds since 1970. */
export interface RenewalHint {
  readonly start: number;
  readonly end: number;
  /** How long the hint counts. */
  readonly askAgainMs: number;
}

/** What an ACME server is asked for. The library knows the protocol; this knows what it does not: renewal hints, and problems in full. */
export class Authority {
  readonly #client: Client;
  readonly #transport: Transport;
  readonly #server: string;
  #directory: { readonly renewalInfo?: string } | undefined;

  private constructor(client: Client, transport: Transport, server: string) {
    this.#client = client;
    this.#transport = transport;
    this.#server = server;
  }

  /** Opens the account, and makes it where there is none. */
  static async open({ server, caBundle, accountKey, contacts, binding, env }: AuthorityOptions): Promise<Authority> {
    // A quarter of a second to load, for those only who order certificates.
    const { default: acme } = await import("acme-client");
    const client = new acme.Client({ directoryUrl: server, accountKey, ...(binding === undefined ? {} : { externalAccountBinding: { kid: binding.keyId, hmacKey: binding.hmacKey } }) });
    const transport = createTransport(caBundle, env);
    // The library's own transport hides problem documents and Retry-After, waits by itself, and has one set of authorities for all servers.
    (client as unknown as { http: { request: Transport } }).http.request = transport;
    await client.createAccount({ termsOfServiceAgreed: true, contact: [...contacts] });
    return new Authority(client, transport, server);
  }

  get accountUrl(): string {
    return this.#client.getAccountUrl();
  }

  /** Asks for a certificate. `replaces` is the one that it is to follow (PEM). */
  async newOrder(hosts: readonly string[], { profile, replaces }: { readonly profile?: string; readonly replaces?: string }): Promise<Order> {
    const order = { identifiers: hosts.map((value) => ({ type: "dns" as const, value })), ...(profile === undefined ? {} : { profile }) };
    const predecessor = replaces === undefined || (await this.#renewalInfo()) === undefined ? undefined : renewalId(replaces);
    if (predecessor === undefined) return this.#client.createOrder(order);
    return this.#client.createOrder({ ...order, replaces: predecessor } as typeof order).catch((error: unknown) => {
      // Whatever the server has against the predecessor, be it its own mistake, the hosts need a certificate.
      if (error instanceof AcmeProblem && !notOfPredecessor.includes(error.type)) return this.#client.createOrder(order);
      throw error;
    });
  }

  async order(url: string): Promise<Order> {
    return this.#client.getOrder({ url } as Order);
  }

  async authorizations(order: Order): Promise<readonly Authorization[]> {
    return this.#client.getAuthorizations(order);
  }

  /** What proves control, in the form that the challenge's type wants. */
  async keyAuthorization(challenge: Authorization["challenges"][number]): Promise<string> {
    return this.#client.getChallengeKeyAuthorization(challenge);
  }

  /** Tells the server to look. */
  async complete(challengeUrl: string): Promise<void> {
    await this.#client.completeChallenge({ url: challengeUrl } as Authorization["challenges"][number]);
  }

  async finalize(order: Order, csr: Uint8Array): Promise<Order> {
    return this.#client.finalizeOrder(order, Buffer.from(csr));
  }

  async certificate(order: Order, preferredChain: string | undefined): Promise<string> {
    return this.#client.getCertificate(order, preferredChain);
  }

  /** Revokes a certificate (PEM chain); one that is revoked already is done with. */
  async revoke(chain: string, reason: RevocationReason): Promise<void> {
    await this.#client.revokeCertificate(chain, { reason }).catch((error: unknown) => {
      if (!(error instanceof AcmeProblem && error.type === "alreadyRevoked")) throw error;
    });
  }

  /** The server's hint for a certificate; undefined where it gives none. */
  async renewalHint(certificate: string): Promise<RenewalHint | undefined> {
    const [base, id] = [await this.#renewalInfo(), renewalId(certificate)];
    if (base === undefined || id === undefined) return undefined;
    const { data, headers } = await this.#transport(`${base}/${id}`, "GET");
    const window = (data as { readonly suggestedWindow?: { readonly start?: string; readonly end?: string } } | null)?.suggestedWindow;
    const [start, end] = [Date.parse(window?.start ?? ""), Date.parse(window?.end ?? "")];
    if (!(start <= end)) return undefined;
    return { start, end, askAgainMs: Math.min(Math.max(retryAfter(headers["retry-after"]) ?? defaultAskAgainMs, shortestAskAgainMs), longestAskAgainMs) };
  }

  async #renewalInfo(): Promise<string | undefined> {
    this.#directory ??= (await this.#transport(this.#server, "GET")).data as { readonly renewalInfo?: string };
    return typeof this.#directory.renewalInfo === "string" ? this.#directory.renewalInfo : undefined;
  }
}

// RFC 9773, section 4.3.2 and 4.3.3: six hours unless told, and no server can have us ask all the time, or never.
const defaultAskAgainMs = 6 * 3_600_000;
const shortestAskAgainMs = 60_000;
const longestAskAgainMs = 24 * 3_600_000;

/** Why a host could not be proved: what the server says about its challenges; undefined while nothing is wrong. */
export function challengeProblem(authorizations: readonly Authorization[]): string | undefined {
  const words = authorizations.flatMap(({ identifier, status, challenges }) => {
    if (status !== "invalid") return [];
    const errors = challenges.flatMap(({ error }: { readonly error?: object }) => (error === undefined ? [] : [describeProblem(error)]));
    return [`${identifier.value}: ${errors.join("; ") || "the server does not say why"}`];
  });
  return words.length === 0 ? undefined : words.join("; ");
}
