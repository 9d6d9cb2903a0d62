import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { createAuthority, issueCertificate } from "#certs/authority";
import type { TestObject } from "../bed/kube-client.ts";
import { createAuthority as createTestAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { meetHost, proxyWithIssuer, startAcmeWorld } from "./acme-world.ts";
import type { AcmeWorld, Met } from "./acme-world.ts";
import { untilStatus } from "./serving.ts";

interface IssuerStatus {
  readonly caBundle?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}

interface ProxyStatus {
  readonly currentStatus?: string;
  readonly conditions?: readonly { readonly message: string; readonly errors?: readonly { readonly reason: string; readonly message: string }[] }[];
}

interface Secret {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly resourceVersion: string; readonly creationTimestamp: string };
  readonly data: Readonly<Record<string, string>>;
}

/** An issuer with an authority of the cluster's own. */
function issuerOf(name: string, authority: object = {}, { namespace, ...spec }: { readonly namespace?: string; readonly default?: boolean } = {}): TestObject {
  return { apiVersion: "projectcontour.io/v1alpha1", kind: namespace === undefined ? "ClusterCertificateIssuer" : "CertificateIssuer", metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec: { authority, ...spec } };
}

describe("certificates of an authority of the cluster's own, through a real Envoy", { timeout: 200_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    // No ACME server is asked for anything here.
    world = await startAcmeWorld();
  });
  after(() => world?.stop());

  const ready = (issuer: TestObject): Promise<IssuerStatus> => untilStatus<IssuerStatus>(world.api, issuer, "the issuer is ready", ({ conditions = [] }) => conditions.some(({ type, status }) => type === "Ready" && status === "True"));
  const trusted = async (issuer: TestObject): Promise<string> => (await ready(issuer)).caBundle ?? "";
  const secretOf = async (namespace: string, name: string): Promise<Secret> => world.api.get<Secret>(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  const text = ({ data }: Secret, key: string): string => Buffer.from(data[key] ?? "", "base64").toString();
  /** Waits until Envoy serves a host to a client that trusts this and nothing else. */
  const served = (host: string, ca: string, fits: (met: Met) => boolean = () => true): Promise<Met> =>
    waitFor(async () => {
      const met = await meetHost(host, world.httpsPort, ca);
      return fits(met) ? met : undefined;
    }, { what: `${host} is served` }).catch((error: unknown) => assert.fail(`${String(error)}\n${world.controllers.at(-1)?.process.logTail()}`));
  const refused = async (proxy: TestObject): Promise<string> => {
    await world.api.apply([proxy]);
    const status = await untilStatus<ProxyStatus>(world.api, proxy, "it is refused", ({ conditions = [] }) => conditions[0]?.errors?.[0]?.reason === "CertificateRefused");
    await world.api.remove(proxy);
    return status.conditions?.[0]?.errors?.[0]?.message ?? "";
  };

  it("is made on first use, its key in the controller's namespace alone; an HTTPProxy gets a short-lived certificate that leads to it", async () => {
    const [issuer, proxy] = [issuerOf("local"), proxyWithIssuer("web", "web.corp", { issuer: "local" })];
    await world.api.apply([issuer, proxy]);
    const root = await trusted(issuer);
    const { certificate } = await served("web.corp", root);
    assert.equal(certificate.subjectAltName, "DNS:web.corp");
    assert.ok(certificate.validToDate.getTime() - Date.now() <= 168 * 3_600_000);
    assert.ok(new X509Certificate(root).validToDate.getTime() - Date.now() > 9 * 365 * 86_400_000);
    await untilStatus<ProxyStatus>(world.api, proxy, "the HTTPProxy is valid", ({ currentStatus }) => currentStatus === "valid");
    const secret = await secretOf("shop", "web-tls");
    assert.equal(secret.metadata.labels["projectcontour.io/issued-by"], "authority");
    assert.equal(text(secret, "ca.crt"), root);
    assert.equal(text(await secretOf("projectcontour", "authority-local"), "ca.crt"), root);
  });

  it("serves hosts of one label, several hosts and wildcards, for Ingress and Gateway, as the default, and with RSA keys", async () => {
    await world.api.apply([issuerOf("rsa", { keyType: "RSA-2048" }), issuerOf("anyone", {}, { default: true })]);
    const path = { path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } };
    const hosts = ["*.dev.corp", "intranet"];
    const listener = { name: "web", hostname: "gateway.corp", port: 443, protocol: "HTTPS", tls: { mode: "Terminate", certificateRefs: [{ name: "gateway-tls" }] } };
    await world.api.apply([
      { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web", namespace: "shop", annotations: { "kubernetes.io/tls-acme": "true" } }, spec: { rules: hosts.map((host) => ({ host, http: { paths: [path] } })), tls: [{ hosts, secretName: "ingress-tls" }] } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace: "shop", annotations: { "projectcontour.io/cluster-issuer": "rsa" } }, spec: { gatewayClassName: "contour", listeners: [listener] } },
    ]);
    const root = await trusted(issuerOf("anyone"));
    const { certificate } = await served("intranet", root);
    assert.deepEqual(certificate.subjectAltName?.split(", ").toSorted(), ["DNS:*.dev.corp", "DNS:intranet"]);
    await served("one.dev.corp", root);
    const gateway = await waitFor(() => world.certificateOf("shop", "gateway-tls"), { what: "the Gateway's certificate" });
    assert.deepEqual([gateway.subjectAltName, gateway.publicKey.asymmetricKeyType], ["DNS:gateway.corp", "rsa"]);
    assert.ok(gateway.verify(new X509Certificate(await trusted(issuerOf("rsa"))).publicKey));
  });

  it("gives nobody the host of another namespace, no wildcard over strangers, and nothing outside its domains", async () => {
    await world.api.apply([issuerOf("narrow", { domains: ["inside.corp"] }), proxyWithIssuer("theirs", "theirs.inside.corp", { namespace: "other", issuer: "narrow" })]);
    const root = await trusted(issuerOf("narrow"));
    await served("theirs.inside.corp", root);
    assert.match(await refused(proxyWithIssuer("grab", "theirs.inside.corp", { issuer: "narrow" })), /belongs to namespace "other", whose object is older/);
    assert.match(await refused(proxyWithIssuer("wild", "*.inside.corp", { issuer: "narrow" })), /would be a certificate for hosts of namespace "other"/);
    assert.match(await refused(proxyWithIssuer("outside", "bank.example.com", { issuer: "narrow" })), /certifies no host like "bank\.example\.com"/);
  });

  it("with domains can be trusted for these alone: clients refuse whatever else its key would sign", async () => {
    const authority = await secretOf("projectcontour", "authority-narrow");
    const pair = { certificate: text(authority, "tls.crt"), key: text(authority, "tls.key") };
    const wish = (dnsName: string) => ({ use: "server" as const, dnsName, days: 1 });
    const { createServer, connect } = await import("node:tls");
    for (const [host, fits] of [["ok.inside.corp", true], ["bank.example.com", false]] as const) {
      const leaf = await issueCertificate(pair, wish(host), Date.now());
      const server = createServer({ cert: leaf.certificate, key: leaf.key });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { readonly port: number };
      const outcome = await new Promise<string>((resolve) => {
        const socket = connect({ host: "127.0.0.1", port, servername: host, ca: pair.certificate }, () => (socket.destroy(), resolve("accepted")));
        socket.on("error", (error) => resolve(error.message));
      });
      server.close();
      assert.equal(outcome, fits ? "accepted" : "permitted subtree violation");
    }
  });

  it("can be one that is given, with a chain to a root that clients know; a leaf shows what stands between", async () => {
    const root = await createTestAuthority("corporate root");
    const between = await root.issueAuthority("corporate issuing");
    const data = { "tls.crt": btoa(between.certificate), "tls.key": btoa(between.key), "ca.crt": btoa(root.certificate) };
    const issuer = issuerOf("given", { secretName: "corporate" });
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "corporate", namespace: "projectcontour" }, data }, issuer, proxyWithIssuer("given", "given.corp", { issuer: "given" })]);
    assert.equal((await trusted(issuer)).trim(), root.certificate.trim());
    await served("given.corp", root.certificate);
    const secret = await secretOf("projectcontour", "corporate");
    assert.equal(text(secret, "tls.crt"), between.certificate, "it is never written");
    // Whoever gave it gives another one: certificates of the old one are replaced at once.
    const next = await createTestAuthority("another root");
    const follower = await next.issueAuthority("another issuing");
    await world.api.request("PATCH", "/api/v1/namespaces/projectcontour/secrets/corporate", { data: { "tls.crt": btoa(follower.certificate), "tls.key": btoa(follower.key), "ca.crt": btoa(next.certificate) } }, "application/merge-patch+json");
    await served("given.corp", next.certificate);
  });

  it("that cannot be used says why: no authority, a key of another one, the Secret of the xDS connection", async () => {
    const [one, other] = [await createAuthority("CN=one", Date.now()), await createAuthority("CN=other", Date.now())];
    const leaf = await issueCertificate(one, { use: "server", dnsName: "leaf" }, Date.now());
    const cases = { "no-authority": [leaf.certificate, leaf.key, /no certificate of an authority/], "other-key": [one.certificate, other.key, /tls\.key does not belong to tls\.crt/], "contour-xds-authority": [one.certificate, one.key, /is what the controller and its Envoys know each other by/] } as const;
    for (const [secretName, [certificate, key, message]] of Object.entries(cases)) {
      const issuer = issuerOf(`bad-${secretName}`, { secretName });
      await world.api.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: secretName, namespace: "projectcontour" }, data: { "tls.crt": btoa(certificate), "tls.key": btoa(key) } }, issuer]);
      const status = await untilStatus<IssuerStatus>(world.api, issuer, "it is not ready", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Ready" && is === "False"));
      assert.match(status.conditions?.find(({ type }) => type === "Ready")?.message ?? "", message);
    }
  });

  it("that ends soon gives certificates until then, once, and not again and again", async () => {
    const hourMs = 3_600_000;
    const ending = await createAuthority("CN=ending", Date.now() - 3650 * 24 * hourMs + hourMs);
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "ending", namespace: "projectcontour" }, data: { "tls.crt": btoa(ending.certificate), "tls.key": btoa(ending.key) } }, issuerOf("ending", { secretName: "ending" }), proxyWithIssuer("first", "first.corp", { issuer: "ending" })]);
    await served("first.corp", ending.certificate);
    const { metadata } = await secretOf("shop", "first-tls");
    await world.api.apply([proxyWithIssuer("second", "second.corp", { issuer: "ending" })]);
    await served("second.corp", ending.certificate);
    assert.equal((await secretOf("shop", "first-tls")).metadata.resourceVersion, metadata.resourceVersion);
  });

  it("of a namespace keeps its key there, and serves that namespace", async () => {
    const issuer = issuerOf("team", {}, { namespace: "shop" });
    await world.api.apply([issuer, proxyWithIssuer("team", "team.corp", { issuer: "team", tls: { issuer: { name: "team", kind: "CertificateIssuer" } } })]);
    await served("team.corp", await trusted(issuer));
    assert.ok(await world.certificateOf("shop", "authority-team"));
  });

  it("is one and the same for all replicas, and outlives them", async () => {
    const root = await trusted(issuerOf("local"));
    const first = world.controllers[0];
    first?.process.signal("SIGKILL");
    await waitFor(() => first?.process.exited() ?? false, { what: "the leader is gone" });
    await Promise.all([world.startReplica("--xds-port", String(first?.xdsPort)), world.startReplica()]);
    await world.api.apply([proxyWithIssuer("later", "later.corp", { issuer: "local" }), issuerOf("twice"), proxyWithIssuer("twice", "twice.corp", { issuer: "twice" })]);
    await served("later.corp", root);
    await served("twice.corp", await trusted(issuerOf("twice")));
    assert.equal(await trusted(issuerOf("local")), root);
  });

  it("renews certificates that live a minute, while every request is answered", { timeout: 90_000 }, async () => {
    const issuer = issuerOf("brief", { lifetime: "1m" });
    await world.api.apply([issuer, proxyWithIssuer("brief", "brief.corp", { issuer: "brief" })]);
    const root = await trusted(issuer);
    const first = await served("brief.corp", root);
    let [failed, requests] = ["", 0];
    const next = await waitFor(async () => {
      const met = await meetHost("brief.corp", world.httpsPort, root).catch((error: unknown) => ((failed = String(error)), first));
      requests += 1;
      return met.certificate.serialNumber === first.certificate.serialNumber ? undefined : met;
    }, { what: "another certificate", timeoutMs: 60_000 });
    assert.equal(failed, "");
    assert.ok(requests > 20 && next.certificate.validToDate > first.certificate.validToDate);
  });
});
