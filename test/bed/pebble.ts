import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acmeBinary } from "./cache.ts";
import { freePorts } from "./free-port.ts";
import { createAuthority } from "./pki.ts";
import { startProcess } from "./process.ts";
import type { RunningProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** What an ACME server for tests is to be like. */
export interface PebbleOptions {
  /** Where it looks for HTTP-01 and TLS-ALPN-01: the ports of an Envoy. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** How long its certificates live; 90 days unless said. */
  readonly validitySeconds?: number;
  /** Base64url keys by their identifiers: then accounts need one. */
  readonly bindingKeys?: Readonly<Record<string, string>>;
  /** How many of a hundred nonces it refuses; none unless said. */
  readonly refusedNonces?: number;
  /** The name server that it asks, as `host:port`; its own unless told. */
  readonly nameServer?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A real ACME server (Pebble), with a DNS server that says 127.0.0.1 for every name. */
export interface Pebble {
  readonly directory: string;
  /** The authorities of its own HTTPS certificate (PEM). */
  readonly caBundle: string;
  /** Where TXT records are set: see `setRecord`. */
  readonly dnsManagement: string;
  /** The root of the certificates that it issues (PEM), by number. */
  root(index?: number): Promise<string>;
  /** The certificate that signs those which it issues (PEM). */
  intermediate(): Promise<string>;
  /** `revoked`, `valid` … by the certificate's number in hex. */
  statusOf(serial: string): Promise<string>;
  /** Has it answer renewal questions about a certificate so (RFC 9773). */
  suggestRenewal(certificate: string, window: { readonly start: Date; readonly end: Date }): Promise<void>;
  setRecord(name: string, value: string): Promise<void>;
  clearRecord(name: string): Promise<void>;
  /** Whom a name leads to; absent for nobody. */
  setAddress(host: string, address: string | undefined): Promise<void>;
  readonly process: RunningProcess;
  /** What it has written to its log. */
  log(): string;
  /** Ends it (its DNS server stays): nobody answers any more. It forgets everything. */
  takeDown(): Promise<void>;
  bringUp(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it and waits until it answers. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const [port = 0, managementPort = 0, dnsPort = 0, dnsManagementPort = 0] = await freePorts(4);
  const folder = mkdtempSync(join(tmpdir(), "contour-pebble-"));
  const authority = await createAuthority("pebble");
  const server = await authority.issue({ subject: "CN=pebble", use: "server", dnsNames: ["localhost"], ips: ["127.0.0.1"] });
  writeFileSync(join(folder, "server.crt"), server.certificate);
  writeFileSync(join(folder, "server.key"), server.key);
  const validityPeriod = options.validitySeconds ?? 7_776_000;
  const pebble = {
    listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: join(folder, "server.crt"), privateKey: join(folder, "server.key"),
    httpPort: options.httpPort, tlsPort: options.tlsPort, keyAlgorithm: "ecdsa", retryAfter: { authz: 1, order: 1 },
    domainBlocklist: ["blocked.example.com"], profiles: { default: { description: "for tests", validityPeriod } },
    ...(options.bindingKeys === undefined ? {} : { externalAccountBindingRequired: true, externalAccountMACKeys: options.bindingKeys }),
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ pebble }));
  const logPath = join(folder, "pebble.log");
  const dns = startProcess({ name: "challtestsrv", command: acmeBinary("pebble-challtestsrv"), args: ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-dnsserver", `127.0.0.1:${dnsPort}`, "-management", `127.0.0.1:${dnsManagementPort}`, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""], logPath: join(folder, "dns.log") });
  const directory = `https://127.0.0.1:${port}/dir`;
  const management = `https://127.0.0.1:${managementPort}`;
  const dnsManagement = `http://127.0.0.1:${dnsManagementPort}`;
  const start = (): RunningProcess => startProcess({ name: "pebble", command: acmeBinary("pebble"), args: ["-config", join(folder, "config.json"), "-dnsserver", options.nameServer ?? `127.0.0.1:${dnsPort}`], logPath, env: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: String(options.refusedNonces ?? 0), PEBBLE_AUTHZREUSE: "0", ...options.env } });
  const get = (url: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> => call(url, authority.certificate, body);
  const tellDns = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`${dnsManagement}/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  let running = start();
  const ready = (): Promise<unknown> => waitFor(async () => (await get(directory)).status === 200, { what: `Pebble answers\n${running.logTail()}` });
  await ready();
  return {
    directory,
    caBundle: authority.certificate,
    dnsManagement,
    root: async (index = 0) => (await get(`${management}/roots/${index}`)).text,
    intermediate: async () => (await get(`${management}/intermediates/0`)).text,
    statusOf: async (serial) => (JSON.parse((await get(`${management}/cert-status-by-serial/${serial}`)).text) as { readonly Status: string }).Status.toLowerCase(),
    suggestRenewal: async (certificate, { start: from, end }) => {
      const ariResponse = JSON.stringify({ suggestedWindow: { start: from.toISOString(), end: end.toISOString() } });
      const { status, text } = await get(`${management}/set-renewal-info/`, { certificate, ariResponse });
      if (status !== 200) throw new Error(`set-renewal-info: ${status} ${text}`);
    },
    setRecord: (name, value) => tellDns("set-txt", { host: `${name}.`, value }),
    clearRecord: (name) => tellDns("clear-txt", { host: `${name}.` }),
    setAddress: async (host, address) => {
      await tellDns("clear-a", { host });
      await tellDns("add-a", { host, addresses: address === undefined ? [] : [address] });
    },
    get process() {
      return running;
    },
    log: () => running.logTail(),
    takeDown: () => running.stop(),
    bringUp: async () => {
      running = start();
      await ready();
    },
    stop: async () => {
      await Promise.all([running.stop(), dns.stop()]);
      rmSync(folder, { recursive: true });
    },
  };
}

function call(url: string, ca: string, body: unknown): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, method: body === undefined ? "GET" : "POST", agent: false, headers: { "user-agent": "test" } }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
