import type { Socket } from "node:net";
import type { EndpointResult, Outcome, Probe, ProbeDepth } from "#doctor/plan";
import { dial, encrypt } from "#doctor/probe/dial";
import { exchange, largeBytes } from "#doctor/probe/exchange";
import type { Exchange, RequestShape } from "#doctor/probe/exchange";
import { sendQueue } from "#doctor/probe/send-queue";
import type { SendQueue } from "#doctor/probe/send-queue";
import { ok } from "#lib/result";
import type { Result } from "#lib/result";

/** One address that is probed, and how. */
export interface EndpointProbe {
  readonly probe: Probe;
  readonly address: string;
  readonly depth: ProbeDepth;
  readonly timeoutMs: number;
}

/** Bytes that pass every network in use. */
const onePacket = 1200;

type Seen = Omit<EndpointResult, "kind" | "id" | "address">;

/** Tries one address: each request over a new connection, from small to large. Nothing is ever sent that changes something. */
export async function probeEndpoint(wish: EndpointProbe): Promise<Seen> {
  const { probe: { http }, depth } = wish;
  if (http === undefined || depth === "connect") return connectOnly(wish);
  const small = await ask(wish, http, "small");
  if (!small.ok) return { outcome: await afterFailure(wish, http, small.error) };
  const { exchanged, connectMs } = small.value;
  if (exchanged.kind === "closed") return { outcome: await afterFailure(wish, http, exchanged.outcome), connectMs };
  if (exchanged.kind === "silent") return { outcome: await whySilent(wish, http), connectMs };
  const { status, ms: answerMs, complete, received, expected } = exchanged;
  const seen = { status, connectMs, answerMs };
  // Many servers say so with a 400, in words of their own.
  if (status === 400 && wish.probe.tls === undefined && (await speaksTls(wish))) return { ...seen, outcome: { kind: "tls-wanted" } };
  // What fits into one packet was lost by nobody on the way.
  if (!complete && (expected ?? 0) <= onePacket) return { ...seen, outcome: { kind: "silent" } };
  if (!complete) return { ...seen, outcome: { kind: "stalled", direction: "from-pod", evidence: `${received} of ${expected ?? "some"} bytes of an answer came` } };
  if (depth === "small") return { ...seen, outcome: { kind: "good" } };
  const started = performance.now();
  return { ...seen, outcome: await sendLarge(wish, http), largeMs: performance.now() - started };
}

type Http = NonNullable<Probe["http"]>;

async function connectOnly({ probe, address, timeoutMs }: EndpointProbe): Promise<Seen> {
  const dialled = await dial(address, probe.target.port, probe.connectMs);
  if (!dialled.ok) return { outcome: dialled.error };
  const { socket, ms: connectMs } = dialled.value;
  const secured = probe.tls === undefined ? undefined : await encrypt(socket, probe.tls, [], timeoutMs);
  socket.destroy();
  return { outcome: secured === undefined || secured.ok ? { kind: "good" } : secured.error, connectMs };
}

interface Asked {
  readonly exchanged: Exchange;
  readonly connectMs: number;
  /** What the peer has not acknowledged at the end. */
  readonly queue: SendQueue | "unknown" | undefined;
}

/** One request over a connection of its own. */
async function ask({ probe, address, timeoutMs }: EndpointProbe, http: Http, shape: RequestShape): Promise<Result<Asked, Outcome>> {
  const dialled = await dial(address, probe.target.port, probe.connectMs);
  if (!dialled.ok) return dialled;
  const { socket, ms: connectMs } = dialled.value;
  const { localPort = 0 } = socket;
  try {
    const end = performance.now() + timeoutMs;
    const secured = probe.tls === undefined ? ok<Socket>(socket) : await encrypt(socket, probe.tls, http.version === "2" ? ["h2"] : [], timeoutMs);
    if (!secured.ok) return secured;
    const exchanged = await exchange(secured.value, http, shape, Math.max(100, end - performance.now()));
    const ends = { localPort, remoteAddress: address, remotePort: probe.target.port };
    return ok({ exchanged, connectMs, queue: shape === "large" ? await settledQueue(ends, end) : undefined });
  } finally {
    socket.destroy();
  }
}

/** A server may answer before it has all: then it is waited whether the rest arrives, too. */
async function settledQueue(ends: Parameters<typeof sendQueue>[0], end: number): Promise<SendQueue | "unknown" | undefined> {
  for (;;) {
    const queue = sendQueue(ends);
    if (queue === undefined || queue === "unknown" || queue.unacknowledged === 0 || queue.peerIsFull || performance.now() >= end) return queue;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function sendLarge(wish: EndpointProbe, http: Http): Promise<Outcome> {
  const large = await ask(wish, http, "large");
  if (!large.ok) return large.error;
  const { exchanged, queue } = large.value;
  const stuck = stuckEvidence(queue);
  if (stuck !== undefined) return { kind: "stalled", direction: "to-pod", evidence: stuck };
  // Without the kernel's table, that a small request was answered and a large one was not is all there is.
  if (queue === "unknown" && exchanged.kind === "silent") return { kind: "stalled", direction: "to-pod", evidence: `a request with a body of ${largeBytes} bytes was not answered, a small one was` };
  return { kind: "good" };
}

/** What the kernel says where bytes do not arrive, though the peer has room for them. */
function stuckEvidence(queue: SendQueue | "unknown" | undefined): string | undefined {
  if (typeof queue !== "object" || queue.unacknowledged === 0 || queue.peerIsFull) return undefined;
  return `of a large request ${queue.unacknowledged} bytes were never acknowledged, though they were sent ${queue.retransmits + 1} times`;
}

/** The connection comes to be, and nothing comes back: large packets may be lost, in one direction or the other, or nobody answers. */
async function whySilent(wish: EndpointProbe, http: Http): Promise<Outcome> {
  if (wish.depth !== "large") return { kind: "silent" };
  const [large, head] = await Promise.all([ask(wish, http, "large"), ask(wish, http, "head")]);
  const stuck = large.ok ? stuckEvidence(large.value.queue) : undefined;
  if (stuck !== undefined) return { kind: "stalled", direction: "to-pod", evidence: stuck };
  if (head.ok && head.value.exchanged.kind === "answered") return { kind: "stalled", direction: "from-pod", evidence: "HEAD was answered and GET was not" };
  return { kind: "silent" };
}

/** What a failure means, looked at once more in the other language: TLS for what was plain, plain for what was TLS. */
async function afterFailure(wish: EndpointProbe, http: Http, outcome: Outcome): Promise<Outcome> {
  const { probe } = wish;
  if (probe.tls === undefined) return (outcome.kind === "not-http" || outcome.kind === "failed") && (await speaksTls(wish)) ? { kind: "tls-wanted" } : outcome;
  if (outcome.kind !== "tls-failed" && outcome.kind !== "silent") return outcome;
  const { tls: _, ...plain } = probe;
  const answered = await ask({ ...wish, probe: plain }, { ...http, version: "1.1" }, "small");
  return answered.ok && answered.value.exchanged.kind === "answered" ? { kind: "tls-absent" } : outcome;
}

async function speaksTls({ probe, address, timeoutMs }: EndpointProbe): Promise<boolean> {
  const dialled = await dial(address, probe.target.port, probe.connectMs);
  if (!dialled.ok) return false;
  const secured = await encrypt(dialled.value.socket, {}, [], timeoutMs);
  dialled.value.socket.destroy();
  return secured.ok || secured.error.kind === "client-certificate-wanted";
}

