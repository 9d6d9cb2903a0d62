import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AddressInfo } from "node:net";
import { Agent, createServer, request } from "node:https";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { get } from "../xds/real-envoy.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { statusOf, untilStatus } from "./serving.ts";

interface Conditions {
  readonly currentStatus?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string; readonly reason: string; readonly errors?: readonly { readonly reason: string; readonly message: string }[]; readonly warnings?: readonly { readonly reason: string; readonly message: string }[] }[];
}

describe("certificates from a real ACME server, through a real Envoy", { timeout: 300_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    // Every tenth nonce is refused, as servers do.
    world = await startAcmeWorld({ refusedNonces: 10 });
    await world.api.apply([world.issuer("ca")]);
  });
  after(() => world?.stop());

  it("opens the account of an issuer, and says so", async () => {
    const status = await untilStatus<Conditions & { readonly accountURL: string }>(world.api, world.issuer("ca"), "the issuer is ready", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Ready" && is === "True"));
    assert.match(status.accountURL, /^https:\/\//);
  });

  it("an HTTPProxy that names an issuer gets its certificate by HTTP-01, though it sends all plain requests to https", async () => {
    const proxy = proxyWithIssuer("web", "web.example.com");
    await world.api.apply([proxy]);
    const { certificate } = await untilServed(world, "web.example.com");
    assert.equal(certificate.subjectAltName, "DNS:web.example.com");
    await untilStatus<Conditions>(world.api, proxy, "the HTTPProxy is valid", ({ currentStatus }) => currentStatus === "valid");
    assert.equal((await get({ port: world.httpPort, host: "web.example.com" })).status, 301);
    const { body } = await world.api.request("GET", "/api/v1/namespaces/shop/secrets/web-tls");
    assert.equal((body as { metadata: { labels: Record<string, string> } }).metadata.labels["projectcontour.io/issued-by"], "acme");
  });

  it("nothing is left of a challenge afterwards", async () => {
    const { body } = await world.api.request("GET", "/api/v1/namespaces/projectcontour/secrets");
    const kinds = (body as { items: readonly { type: string }[] }).items.map(({ type }) => type);
    assert.deepEqual(kinds, ["projectcontour.io/acme-account"]);
  });

  it("tells the server's own words when it refuses, and tries again", async () => {
    const proxy = proxyWithIssuer("blocked", "blocked.example.com");
    await world.api.apply([proxy]);
    const status = await untilStatus<Conditions>(world.api, proxy, "the refusal is told", ({ conditions = [] }) => conditions[0]?.errors?.[0]?.reason === "CertificateFailing");
    assert.match(status.conditions?.[0]?.message ?? "", /spec\.virtualhost\.tls\.issuer: no certificate for blocked\.example\.com: ClusterCertificateIssuer "ca": .*(rejectedIdentifier|blocked).*\(1 failed, next try \d{4}-/i);
    await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer tells it, too", ({ conditions = [] }) => conditions.some(({ type, status: is, message }) => type === "Issuing" && is === "False" && message.includes("shop/blocked-tls")));
    await world.api.remove(proxy);
    await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer is content again", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Issuing" && is === "True"));
  });

  it("a Secret that somebody else made is not overwritten", async () => {
    const proxy = proxyWithIssuer("mine", "mine.example.com");
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: { name: "mine-tls", namespace: "shop" }, data: { precious: "eA==" } }, proxy]);
    const status = await untilStatus<Conditions>(world.api, proxy, "it is refused", ({ conditions = [] }) => [...(conditions[0]?.errors ?? []), ...(conditions[0]?.warnings ?? [])].some(({ reason }) => reason === "CertificateRefused"));
    assert.match(JSON.stringify(status), /was not made here and is not overwritten/);
    assert.equal(await world.certificateOf("shop", "mine-tls"), undefined);
    await world.api.remove(proxy);
  });

  it("a Secret that is deleted is filled again", async () => {
    const before = (await world.certificateOf("shop", "web-tls"))?.serialNumber;
    await world.api.request("DELETE", "/api/v1/namespaces/shop/secrets/web-tls");
    const { certificate } = await untilServed(world, "web.example.com", (met) => met.certificate.serialNumber !== before);
    assert.equal(certificate.subjectAltName, "DNS:web.example.com");
    assert.equal((await statusOf<Conditions>(world.api, proxyWithIssuer("web", "web.example.com")))?.conditions?.[0]?.type, "Valid");
  });
});

describe("certificates for all kinds of objects, by all kinds of challenges", { timeout: 200_000 }, () => {
  let world: AcmeWorld;
  let webhook: Webhook;
  before(async () => {
    world = await startAcmeWorld();
    webhook = await startWebhook(world);
    const dns = { type: "DNS-01", propagationSeconds: 0, webhook: { url: webhook.url, caBundle: webhook.caBundle } };
    await world.api.apply([world.issuer("ca", {}, { default: true }), world.issuer("alpn", { solvers: [{ type: "TLS-ALPN-01" }] }), world.issuer("dns", { solvers: [dns] })]);
  });
  after(async () => {
    webhook?.close();
    await world?.stop();
  });

  const issued = async (name: string, names: string): Promise<void> => {
    const certificate = await waitFor(() => world.certificateOf("shop", name), { what: `a certificate in ${name}` }).catch((error: unknown) => assert.fail(`${String(error)}\n${world.controllers[0]?.process.logTail()}`));
    assert.equal(certificate.subjectAltName, names);
  };

  it("an Ingress with kubernetes.io/tls-acme", async () => {
    const rules = [{ host: "ingress.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }] } }];
    await world.api.apply([{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web", namespace: "shop", annotations: { "kubernetes.io/tls-acme": "true" } }, spec: { rules, tls: [{ hosts: ["ingress.example.com"], secretName: "ingress-tls" }] } }]);
    await untilServed(world, "ingress.example.com");
  });

  it("a Gateway and a ListenerSet", async () => {
    const listener = (name: string, hostname: string): object => ({ name, hostname, port: 443, protocol: "HTTPS", tls: { mode: "Terminate", certificateRefs: [{ name: `${name}-tls` }] } });
    const annotations = { "projectcontour.io/cluster-issuer": "ca" };
    await world.api.apply([
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace: "shop", annotations }, spec: { gatewayClassName: "contour", allowedListeners: { namespaces: { from: "Same" } }, listeners: [listener("gateway", "gateway.example.com")] } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "ListenerSet", metadata: { name: "more", namespace: "shop", annotations }, spec: { parentRef: { name: "public" }, listeners: [listener("set", "set.example.com")] } },
    ]);
    await issued("gateway-tls", "DNS:gateway.example.com");
    await issued("set-tls", "DNS:set.example.com");
  });

  it("TLS-ALPN-01, for a host that is not served yet", async () => {
    await world.api.apply([proxyWithIssuer("alpn", "alpn.example.com", { issuer: "alpn" })]);
    assert.equal((await untilServed(world, "alpn.example.com")).certificate.subjectAltName, "DNS:alpn.example.com");
  });

  it("a wildcard by DNS-01, through a webhook that cleans up again", async () => {
    await world.api.apply([proxyWithIssuer("wild", "*.wild.example.com", { issuer: "dns" })]);
    await untilServed(world, "one.wild.example.com");
    assert.deepEqual(webhook.calls.map(({ action, name }) => `${action} ${name}`), ["present _acme-challenge.wild.example.com", "cleanup _acme-challenge.wild.example.com"]);
  });

  it("while the server cannot be reached, and when it can again", async () => {
    await world.pebble.takeDown();
    const proxy = proxyWithIssuer("late", "late.example.com");
    await world.api.apply([proxy]);
    await untilStatus<Conditions>(world.api, proxy, "it is told", ({ conditions = [] }) => /cannot be reached/.test(conditions[0]?.message ?? ""));
    // It comes back without knowing our account.
    await world.pebble.bringUp();
    await untilServed(world, "late.example.com");
  });
});

describe("an order that outlives replicas", { timeout: 120_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
    await world.api.apply([world.issuer("ca")]);
  });
  after(() => world?.stop());

  it("is gone on with by another replica, and answered by the Envoy of one that does not lead", async () => {
    const first = world.controllers[0];
    await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer is ready", ({ conditions = [] }) => conditions.some(({ type, status }) => type === "Ready" && status === "True"));
    await world.startReplica();
    await world.api.apply([proxyWithIssuer("web", "web.example.com")]);
    const orders = async (): Promise<number> => ((await world.api.request("GET", "/api/v1/namespaces/projectcontour/secrets")).body as { items: readonly { type: string }[] }).items.filter(({ type }) => type === "projectcontour.io/acme-order").length;
    await waitFor(async () => (await orders()) === 1, { what: "an order is under way", intervalMs: 1 });
    first?.process.signal("SIGKILL");
    await waitFor(() => first?.process.exited() ?? false, { what: "the leader is gone" });
    // The Envoy finds a replica at the old address, which does not lead.
    await world.startReplica("--xds-port", String(first?.xdsPort));
    assert.equal((await untilServed(world, "web.example.com", undefined, 60_000)).certificate.subjectAltName, "DNS:web.example.com");
    assert.equal(await orders(), 0);
  });
});

describe("certificates that live for half a minute, of an account that is bound to another one", { timeout: 120_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    world = await startAcmeWorld({ validitySeconds: 30, bindingKeys: { "kid-1": key } });
    const externalAccountBinding = { keyID: "kid-1", keySecret: { name: "binding", key: "hmac" } };
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "binding", namespace: "projectcontour" }, data: { hmac: Buffer.from(key).toString("base64") } }, world.issuer("ca", { externalAccountBinding }), proxyWithIssuer("web", "web.example.com")]);
  });
  after(() => world?.stop());

  it("are renewed in time, while every request is answered, over new connections and over one that is kept", async () => {
    const before = await untilServed(world, "web.example.com");
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: await world.pebble.root(), servername: "web.example.com" });
    const kept = new Set<unknown>();
    const statuses = new Set<string>();
    const overKept = (): Promise<void> => new Promise((resolve) => {
      const sent = request({ host: "127.0.0.1", port: world.httpsPort, headers: { host: "web.example.com" }, agent }, (answer) => answer.resume().on("end", () => (statuses.add(String(answer.statusCode)), resolve())));
      sent.on("socket", (socket) => kept.add(socket)).on("error", (error) => (statuses.add(error.message), resolve())).end();
    });
    let failed = "";
    const after = await waitFor(async () => {
      await overKept();
      const met = await world.meet("web.example.com").catch((error: unknown) => ((failed = String(error)), before));
      return met.certificate.serialNumber === before.certificate.serialNumber ? undefined : met;
    }, { what: "another certificate", timeoutMs: 40_000 });
    for (let i = 0; i < 20; i += 1) await overKept();
    agent.destroy();
    assert.deepEqual([failed, [...statuses], kept.size], ["", ["200"], 1]);
    assert.ok(after.certificate.validToDate > before.certificate.validToDate);
  });
});

interface Webhook {
  readonly url: string;
  readonly caBundle: string;
  readonly calls: readonly { readonly action: string; readonly name: string; readonly value: string }[];
  close(): void;
}

/** A service that sets records at the ACME server's DNS server. */
async function startWebhook({ pebble }: AcmeWorld): Promise<Webhook> {
  const authority = await createAuthority("webhook");
  const pair = await authority.issue({ subject: "CN=webhook", use: "server", ips: ["127.0.0.1"] });
  const calls: Webhook["calls"][number][] = [];
  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const call = JSON.parse(text) as Webhook["calls"][number];
      calls.push(call);
      const done = call.action === "present" ? pebble.setRecord(call.name, call.value) : pebble.clearRecord(call.name);
      void done.then(() => response.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`, caBundle: authority.certificate, calls, close: () => (server.closeAllConnections(), server.close()) };
}
