// tls-hosts.ts [--rsa] [N...]: many hosts with a certificate each, with a filter chain per host and with certificates on demand; a real Envoy, and the controller in this process.
// Measured: what a start and one more host cost, the first handshake of a host and later ones, names that there are not, memory, and a resumed session beside a full handshake.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as tls from "node:tls";
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { KeyPair } from "#certs/authority";
import type { KubeObject } from "#k8s/object";
import { waitFor } from "../test/bed/wait.ts";
import { startWorld } from "./in-process.ts";
import type { World } from "./in-process.ts";
import { cpuMs, mainThreadCpuMs, memoryMiB } from "./process-cost.ts";
import { formatBytes, summarize } from "./stats.ts";

const address = "127.0.0.1";
const more = 20;
const strangers = 500;
const first = 200;
const resumptions = 500;

const now = Date.now();
const authority = await createAuthority("CN=bench", now);
const rsa = process.argv.includes("--rsa");
const pair = rsa ? await rsaCertificate() : await issueCertificate(authority, { use: "server", dnsName: "*.example.com" }, now);
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const data = { "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key) };
const hostOf = (i: number): string => `host-${i}.example.com`;
const objectsOf = (i: number): readonly KubeObject[] => [
  { apiVersion: "v1", kind: "Secret", metadata: { name: `cert-${i}`, namespace: "default", generation: 1 }, ...{ type: "kubernetes.io/tls", data } },
  { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: `host-${i}`, namespace: "default", generation: 1 }, ...{ spec: { virtualhost: { fqdn: hostOf(i), tls: { secretName: `cert-${i}` } }, routes: [{ directResponsePolicy: { statusCode: 200, body: "ok" } }] } } },
];

async function rsaCertificate(): Promise<KeyPair> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: "CN=bench", keys, signingAlgorithm: algorithm, extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "*.example.com" }])] });
  return { certificate: certificate.toString("pem"), key: PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY") };
}

/** One handshake: its milliseconds, or that it was refused. */
function greet(port: number, servername: string, session?: Buffer): Promise<{ readonly ms: number; readonly ok: boolean; readonly session: Buffer | undefined; readonly reused: boolean }> {
  const began = performance.now();
  return new Promise((resolve) => {
    let ms = 0;
    let ticket: Buffer | undefined;
    let reused = false;
    const socket = tls.connect({ host: address, port, servername, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"], ...(session === undefined ? {} : { session }) }, () => {
      ms = performance.now() - began;
      reused = socket.isSessionReused();
      // TLS 1.3 sends tickets after the handshake.
      socket.write(`GET / HTTP/1.1\r\nhost: ${servername}\r\nconnection: close\r\n\r\n`);
    });
    socket.on("session", (given: Buffer) => (ticket = given));
    socket.on("data", () => socket.destroy());
    socket.on("error", () => resolve({ ms: performance.now() - began, ok: false, session: undefined, reused: false }));
    socket.on("close", () => resolve({ ms, ok: ms > 0, session: ticket, reused }));
  });
}

async function inTurns<T>(items: readonly T[], atATime: number, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

const apply = (world: World, from: number, count: number): void => world.controller.apply(Array.from({ length: count }, (_, i) => objectsOf(from + i)).flat().map((object) => ({ type: "upsert", object })));
const served = (world: World, host: string): Promise<unknown> => waitFor(async () => (await greet(world.port, host)).ok, { what: `${host} is served`, timeoutMs: 180_000, intervalMs: 1 });
const figure = (value: number, digits = 1): string => value.toFixed(digits);

async function measure(n: number, onDemand: boolean): Promise<Record<string, string>> {
  const world = await startWorld({ envoySettings: { certificatesOnDemandFrom: onDemand ? 1 : 0 } });
  world.controller.open();
  const { pid } = world.envoy;
  try {
    const began = performance.now();
    apply(world, 0, n);
    await served(world, hostOf(n - 1));
    await world.settled();
    const started = { ms: performance.now() - began, bytes: world.cost.bytes, cpu: mainThreadCpuMs(pid), memory: memoryMiB(pid).now };

    const added: number[] = [];
    for (let i = n; i < n + more; i++) {
      const at = performance.now();
      apply(world, i, 1);
      await served(world, hostOf(i));
      added.push(performance.now() - at);
    }
    // Asking over and over costs Envoy something, too: so others are added of which each is asked for once.
    const before = { bytes: world.cost.bytes, ms: world.cost.ms, cpu: mainThreadCpuMs(pid) };
    for (let i = n + more; i < n + 2 * more; i++) {
      const sent = world.cost.bytes;
      apply(world, i, 1);
      await waitFor(() => world.cost.bytes > sent, { what: "something is sent", intervalMs: 1 });
      await world.settled();
      await greet(world.port, hostOf(i));
    }
    const perAdd = { bytes: (world.cost.bytes - before.bytes) / more, ms: (world.cost.ms - before.ms) / more, cpu: (mainThreadCpuMs(pid) - before.cpu) / more };

    const handshakes: { first: number[]; later: number[] } = { first: [], later: [] };
    for (let i = 0; i < Math.min(first, n - 1); i++) {
      handshakes.first.push((await greet(world.port, hostOf(i))).ms);
      handshakes.later.push((await greet(world.port, hostOf(i))).ms);
    }

    const quiet = { controller: process.cpuUsage(), cpu: mainThreadCpuMs(pid), bytes: world.cost.bytes };
    const refused: number[] = [];
    for (let i = 0; i < strangers; i++) refused.push((await greet(world.port, `stranger-${i}.example.net`)).ms);
    const perStranger = { cpu: (mainThreadCpuMs(pid) - quiet.cpu) / strangers, bytes: (world.cost.bytes - quiet.bytes) / strangers };

    await inTurns(Array.from({ length: n }, (_, i) => i), 8, async (i) => void (await greet(world.port, hostOf(i))));
    const all = memoryMiB(pid).now;

    const whole = cpuMs(pid);
    let session: Buffer | undefined;
    let reused = 0;
    for (let i = 0; i < resumptions; i++) {
      const answer = await greet(world.port, hostOf(0), session);
      session = answer.session ?? session;
      if (answer.reused) reused += 1;
    }
    const perConnection = (cpuMs(pid) - whole) / resumptions;
    const summary = (samples: readonly number[]): string => [summarize(samples).p50, summarize(samples).p99].map((value) => figure(value)).join(" / ");
    return {
      hosts: String(n), keys: rsa ? "RSA 2048" : "ECDSA P-256", certificates: onDemand ? "on demand" : "a chain each",
      "start s": figure(started.ms / 1000), "sent": formatBytes(started.bytes), "Envoy main CPU s": figure(started.cpu / 1000, 2), "Envoy MiB": figure(started.memory, 0), "all asked for MiB": figure(all, 0),
      "one more: sent": formatBytes(perAdd.bytes), "controller ms": figure(perAdd.ms, 2), "Envoy main CPU ms": figure(perAdd.cpu, 2), "served after ms": summary(added),
      "first handshake ms": summary(handshakes.first), "later ms": summary(handshakes.later),
      "unknown name ms": summary(refused), "its Envoy main CPU ms": figure(perStranger.cpu, 2), "its bytes": formatBytes(perStranger.bytes),
      "CPU per connection ms": figure(perConnection, 2), "resumed": `${Math.round((100 * reused) / resumptions)} %`,
    };
  } finally {
    await world.stop();
  }
}

const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
const sizes = asked.length > 0 ? asked : [100, 250, 1000, 10_000];
// With thousands of chains one more host takes seconds.
for (const n of sizes) for (const onDemand of n > 2000 ? [true] : [false, true]) process.stdout.write(`${JSON.stringify(await measure(n, onDemand))}\n`);
