import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath } from "./cache.ts";
import { freePorts } from "./free-port.ts";
import { createKubeClient, type KubeClient } from "./kube-client.ts";
import { type Authority, createAuthority, createSigningKey, type KeyPairPem } from "./pki.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { HopelessError, waitFor } from "./wait.ts";

/** What may be asked of an API server beyond the defaults. */
export interface ApiServerOptions {
  /** More flags for kube-apiserver. */
  readonly args?: readonly string[];
}

/** A user of the API server, with credentials that were made for it. */
export interface ApiUser {
  readonly kubeconfigPath: string;
  readonly client: KubeClient;
}

/** A real etcd and a real kube-apiserver on loopback: no nodes, no controllers (so a namespace is never finalised). */
export interface ApiServer extends KubeClient {
  readonly url: string;
  /** Credentials of the group system:masters, in three forms. */
  readonly kubeconfigPath: string;
  readonly adminCertificate: KeyPairPem;
  readonly adminToken: string;
  readonly caFile: string;
  /** Everything it writes lies here; gone after `stop`. */
  readonly folder: string;
  /** Makes a user whom RBAC knows by `name` and `groups`. */
  addUser(name: string, groups?: readonly string[]): Promise<ApiUser>;
  /** Ends kube-apiserver (etcd stays): every connection breaks, new ones are refused. */
  takeDown(): Promise<void>;
  /** Starts kube-apiserver again at the same address with the same data. */
  bringUp(): Promise<void>;
  /** `takeDown`, then `bringUp`. */
  restart(): Promise<void>;
  /** Makes etcd forget all revisions but the newest. */
  compact(): Promise<void>;
  /** Kills etcd (SIGKILL): kube-apiserver runs on without its store. */
  killStore(): Promise<void>;
  /** Starts etcd again with the same data; resolves when kube-apiserver is ready. */
  restartStore(): Promise<void>;
  /** Freezes kube-apiserver: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

interface Layout {
  readonly folder: string;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly securePort: number;
  readonly args: readonly string[];
}

/** Starts etcd and kube-apiserver and waits until they are ready (a few seconds). */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const layout = await prepare(options);
  const authority = await createAuthority("test-bed");
  const admin = await authority.issue({ subject: "CN=test-admin, O=system:masters", use: "client" });
  await writeServerFiles(layout.folder, authority);
  const etcd = startEtcd(layout);
  try {
    return await startRest({ layout, authority, admin, etcd });
  } catch (error) {
    await etcd.stop();
    throw error;
  }
}

async function prepare(options: ApiServerOptions): Promise<Layout> {
  const [etcdPort = 0, etcdPeerPort = 0, securePort = 0] = await freePorts(3);
  const folder = mkdtempSync(join(tmpdir(), "contour-api-server-"));
  return { folder, etcdPort, etcdPeerPort, securePort, args: options.args ?? [] };
}

const adminToken = "test-admin-token";

async function writeServerFiles(folder: string, authority: Authority): Promise<void> {
  const server = await authority.issue({ subject: "CN=kube-apiserver", use: "server", dnsNames: ["localhost", "kubernetes.default.svc"], ips: ["127.0.0.1", "10.0.0.1"] });
  const signing = createSigningKey();
  const files = {
    "ca.crt": authority.certificate,
    "server.crt": server.certificate,
    "server.key": server.key,
    "sa.pub": signing.publicKey,
    "sa.key": signing.privateKey,
    "tokens.csv": `${adminToken},test-admin,1,"system:masters"\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
}

function startEtcd({ folder, etcdPort, etcdPeerPort }: Layout): RunningProcess {
  const client = `http://127.0.0.1:${etcdPort}`;
  const peer = `http://127.0.0.1:${etcdPeerPort}`;
  const args = [
    "--name=test", `--data-dir=${join(folder, "etcd")}`, "--log-level=warn",
    `--listen-client-urls=${client}`, `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=test=${peer}`,
    "--unsafe-no-fsync", "--quota-backend-bytes=4294967296", // data of a test need not survive a power cut
  ];
  return startProcess({ name: "etcd", command: binaryPath("etcd"), args, logPath: join(folder, "etcd.log") });
}

function startKubeApiServer({ folder, etcdPort, securePort, args }: Layout): RunningProcess {
  const file = (name: string): string => join(folder, name);
  const flags = [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", `--secure-port=${securePort}`,
    "--endpoint-reconciler-type=none", // loopback is no valid endpoint
    "--service-cluster-ip-range=10.0.0.0/16", "--authorization-mode=RBAC", "--allow-privileged=true",
    "--disable-admission-plugins=ServiceAccount", // no controller makes the default accounts
    `--client-ca-file=${file("ca.crt")}`, `--token-auth-file=${file("tokens.csv")}`,
    `--tls-cert-file=${file("server.crt")}`, `--tls-private-key-file=${file("server.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${file("sa.pub")}`, `--service-account-signing-key-file=${file("sa.key")}`,
    "--max-requests-inflight=800", "--max-mutating-requests-inflight=400", "--shutdown-delay-duration=0s", "--profiling=false",
    ...args,
  ];
  return startProcess({ name: "kube-apiserver", command: binaryPath("kube-apiserver"), args: flags, logPath: file("kube-apiserver.log") });
}

interface Parts {
  readonly layout: Layout;
  readonly authority: Authority;
  readonly admin: KeyPairPem;
  readonly etcd: RunningProcess;
}

async function startRest(parts: Parts): Promise<ApiServer> {
  const { layout, authority, admin } = parts;
  const url = `https://127.0.0.1:${layout.securePort}`;
  const client = createKubeClient({ url, ca: authority.certificate, ...admin });
  const kubeconfigPath = writeKubeconfig(layout.folder, { name: "admin", url, ca: authority.certificate, pair: admin });
  const life = createLife(parts, client);
  await life.bringUp();
  return {
    ...client, ...life, url, kubeconfigPath,
    adminCertificate: admin, adminToken, folder: layout.folder,
    caFile: join(layout.folder, "ca.crt"),
    addUser: (name, groups = []) => addUser(parts, url, { name, groups }),
  };
}

type Life = Pick<ApiServer, "compact" | "killStore" | "restartStore" | "takeDown" | "bringUp" | "restart" | "pause" | "resume" | "stop">;

function createLife({ layout, etcd: first }: Parts, client: KubeClient): Life {
  let etcd = first;
  let server: RunningProcess | undefined;
  const takeDown = async (): Promise<void> => {
    await server?.stop(2000);
    server = undefined;
  };
  const bringUp = async (): Promise<void> => {
    server ??= startKubeApiServer(layout);
    await untilReady(server, etcd, client);
  };
  return {
    takeDown, bringUp,
    restart: async () => {
      await takeDown();
      await bringUp();
    },
    compact: () => compact(layout.etcdPort),
    killStore: async () => {
      etcd.signal("SIGKILL");
      await waitFor(() => etcd.exited(), { what: "etcd is gone", intervalMs: 5 });
    },
    restartStore: async () => {
      etcd = startEtcd(layout);
      await bringUp();
    },
    pause: () => server?.signal("SIGSTOP"),
    resume: () => server?.signal("SIGCONT"),
    stop: async () => {
      client.close();
      await Promise.all([takeDown(), etcd.stop(1000)]);
      rmSync(layout.folder, { recursive: true, force: true });
    },
  };
}

async function compact(etcdPort: number): Promise<void> {
  const ask = async (what: string, body: object): Promise<{ readonly header: { readonly revision: string } }> => {
    const answer = await fetch(`http://127.0.0.1:${etcdPort}/v3/kv/${what}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd ${what}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { readonly header: { readonly revision: string } };
  };
  const { header } = await ask("range", { key: Buffer.from("/").toString("base64") });
  await ask("compaction", { revision: header.revision, physical: true });
}

async function untilReady(server: RunningProcess, etcd: RunningProcess, client: KubeClient): Promise<void> {
  const ready = async (): Promise<boolean> => {
    for (const part of [etcd, server]) if (part.exited()) throw new HopelessError(`${part.name} ended:\n${part.logTail()}`);
    return (await client.request("GET", "/readyz")).status === 200;
  };
  await waitFor(ready, { what: "kube-apiserver is ready", timeoutMs: 90_000 });
}

async function addUser({ layout, authority }: Parts, url: string, user: { readonly name: string; readonly groups: readonly string[] }): Promise<ApiUser> {
  const subject = [`CN=${user.name}`, ...user.groups.map((group) => `O=${group}`)].join(", ");
  const pair = await authority.issue({ subject, use: "client" });
  const ca = authority.certificate;
  const kubeconfigPath = writeKubeconfig(layout.folder, { name: user.name.replaceAll(/[^\w-]/g, "_"), url, ca, pair });
  return { kubeconfigPath, client: createKubeClient({ url, ca, ...pair }) };
}

interface KubeconfigParts {
  readonly name: string;
  readonly url: string;
  readonly ca: string;
  readonly pair: KeyPairPem;
}

function writeKubeconfig(folder: string, { name, url, ca, pair }: KubeconfigParts): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const config = {
    apiVersion: "v1", kind: "Config", "current-context": "test",
    clusters: [{ name: "test", cluster: { server: url, "certificate-authority-data": base64(ca) } }],
    users: [{ name: "test", user: { "client-certificate-data": base64(pair.certificate), "client-key-data": base64(pair.key) } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
  };
  const path = join(folder, `${name}.kubeconfig`);
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}
