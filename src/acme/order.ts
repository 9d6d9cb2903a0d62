import type { Authorization, Order } from "acme-client";
import { challengeProblem } from "#acme/authority";
import type { Authority } from "#acme/authority";
import { createChallengeCertificate, createPrivateKey, createSigningRequest } from "#acme/certificate";
import type { KeyType } from "#certs/keys";
import type { DnsSolver } from "#acme/dns";
import { AcmeProblem } from "#acme/problem";
import type { Challenge, OrderRecord } from "#acme/record";
import type { CertificateSecrets, HeldSecret, StoredOrder } from "#acme/secrets";
import type { CertificateRequest } from "#translate/certificates/request";

/** How a host is proved. */
export type Solver = { readonly kind: "http-01" } | { readonly kind: "tls-alpn-01" } | { readonly kind: "dns-01"; readonly dns: DnsSolver; readonly propagationMs: number };

/** What carrying out one order at an ACME server needs. */
export interface OrderContext {
  readonly authority: Authority;
  readonly secrets: CertificateSecrets;
  readonly request: CertificateRequest;
  readonly held: HeldSecret;
  readonly issuerGeneration: number;
  readonly keyType: KeyType;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly solverOf: (host: string) => Promise<Solver>;
  /** Resolves when all Envoys that serve a host answer its challenge. */
  readonly answered: (record: OrderRecord) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
}

const firstPollMs = 500;
const longestPollMs = 10_000;
/** How long a server may take for one step. */
const patienceMs = 180_000;

/** Places an order, and writes down how its challenges are answered: from then on any replica can go on with it. */
export async function placeOrder(context: OrderContext, failures: number): Promise<StoredOrder> {
  const { authority, request, held, secrets, issuerGeneration, profile } = context;
  const replaces = held.state.kind === "ours" && held.state.certificate !== undefined ? held.chain : undefined;
  const order = await authority.newOrder(request.hosts, { ...(profile === undefined ? {} : { profile }), ...(replaces === undefined ? {} : { replaces }) });
  const authorizations = await authority.authorizations(order);
  const challenges: Challenge[] = [];
  for (const authorization of authorizations) if (authorization.status === "pending") challenges.push(await answerTo(context, authorization));
  const { namespace, name, issuer, hosts, fleets } = request;
  const record: OrderRecord = { certificate: { namespace, name }, issuer, issuerGeneration, hosts, fleets, failures, order: { url: order.url, challenges } };
  const key = await createPrivateKey(context.keyType);
  await secrets.writeOrder(record, key);
  return { record, key, annotations: {} };
}

async function answerTo({ authority, solverOf }: OrderContext, { identifier, wildcard = false, challenges }: Authorization): Promise<Challenge> {
  const host = identifier.value;
  const solver = await solverOf(wildcard ? `*.${host}` : host);
  const challenge = challenges.find(({ type }) => type === solver.kind);
  if (challenge === undefined) throw new AcmeProblem({ type: "noChallenge", detail: `the server offers no ${solver.kind} for ${host}, only ${challenges.map(({ type }) => type).join(", ")}` });
  const authorization = await authority.keyAuthorization(challenge);
  switch (solver.kind) {
    case "http-01":
      return { kind: "http-01", host, url: challenge.url, token: challenge.token, answer: authorization };
    case "tls-alpn-01":
      return { kind: "tls-alpn-01", host, url: challenge.url, ...(await createChallengeCertificate(host, authorization)) };
    case "dns-01":
      return { kind: "dns-01", host: wildcard ? `*.${host}` : host, url: challenge.url, name: `_acme-challenge.${host}`, value: authorization };
  }
}

/** Carries out an order from wherever it stands, until its certificate is in its Secret. */
export async function completeOrder(context: OrderContext, { record, key }: StoredOrder): Promise<void> {
  const { authority, secrets, request, held } = context;
  if (record.order === undefined || key === undefined) throw new AcmeProblem({ type: "lost", detail: "the order's private key is gone; it is ordered anew" });
  let order = await authority.order(record.order.url);
  if (order.status === "pending") order = await prove(context, record, order);
  if (order.status === "ready") order = await finalize(context, order, key);
  if (order.status === "processing") order = await settled(context, order, ["processing"]);
  if (order.status !== "valid") throw new AcmeProblem({ type: "invalid", detail: challengeProblem(await authority.authorizations(order)) ?? `the order is ${order.status}` });
  const chain = await authority.certificate(order, context.preferredChain);
  // Only now: until there is another certificate, a revoked one would be served. The annotation stays until that is written.
  if (held.state.kind === "ours" && held.state.revocation !== undefined && held.chain !== undefined) await authority.revoke(held.chain, held.state.revocation);
  await secrets.writeCertificate(request, held, { chain, key, by: "acme" });
}

async function prove(context: OrderContext, record: OrderRecord, order: Order): Promise<Order> {
  const { authority, answered, sleep } = context;
  const challenges = record.order?.challenges ?? [];
  let propagationMs = 0;
  for (const challenge of challenges) propagationMs = Math.max(propagationMs, await present(context, challenge));
  if (propagationMs > 0) await sleep(propagationMs);
  if (challenges.some(({ kind }) => kind !== "dns-01")) await answered(record);
  const pending = new Set((await authority.authorizations(order)).flatMap((authorization) => authorization.challenges.flatMap((challenge) => (challenge.status === "pending" ? [challenge.url] : []))));
  for (const { url } of challenges) if (pending.has(url)) await authority.complete(url);
  return settled(context, order, ["pending"]);
}

/** Sets a TXT record; gives how long it takes until it is seen everywhere. */
async function present({ solverOf }: OrderContext, challenge: Challenge): Promise<number> {
  if (challenge.kind !== "dns-01") return 0;
  const solver = await solverOf(challenge.host);
  if (solver.kind !== "dns-01") return 0;
  await solver.dns.present(challenge.name, challenge.value);
  return solver.propagationMs;
}

/** Takes TXT records back. What cannot be reached keeps them: they prove nothing any more. */
export async function removeRecords(solverOf: OrderContext["solverOf"], record: OrderRecord): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const challenge of record.order?.challenges ?? []) {
    if (challenge.kind !== "dns-01") continue;
    try {
      const solver = await solverOf(challenge.host);
      if (solver.kind === "dns-01") await solver.dns.remove(challenge.name, challenge.value);
    } catch (error) {
      problems.push(`${challenge.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return problems;
}

async function finalize(context: OrderContext, order: Order, key: string): Promise<Order> {
  const { authority, request } = context;
  await authority.finalize(order, await createSigningRequest(request.hosts, key));
  return settled(context, order, ["ready", "processing"]);
}

/** Asks for an order until it is in none of these states. */
async function settled({ authority, sleep, signal }: OrderContext, { url }: Order, states: readonly Order["status"][]): Promise<Order> {
  let waitedMs = 0;
  for (let pollMs = firstPollMs; waitedMs < patienceMs && !signal.aborted; pollMs = Math.min(longestPollMs, pollMs * 1.5)) {
    const order = await authority.order(url);
    if (!states.includes(order.status)) return order;
    const problem = order.status === "pending" ? challengeProblem(await authority.authorizations(order)) : undefined;
    if (problem !== undefined) throw new AcmeProblem({ type: "invalid", detail: problem });
    await sleep(pollMs);
    waitedMs += pollMs;
  }
  throw new AcmeProblem({ type: "slow", detail: `the order is still ${states[0]} after ${patienceMs / 1000} s`, transient: true });
}
