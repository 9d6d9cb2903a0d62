import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../bed/free-port.ts";
import type { CertManager } from "../bed/cert-manager.ts";
import { startCertManager } from "../bed/cert-manager.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { machineAddress } from "../reliability/world.ts";
import { meetHost, proxyWithIssuer, startAcmeWorld } from "./acme-world.ts";
import type { AcmeWorld, Met, WorldOptions } from "./acme-world.ts";
import { untilStatus } from "./serving.ts";

interface Secret {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly data: Readonly<Record<string, string>>;
}

const certManagerApi = "cert-manager.io/v1";

/** A cluster with Contour and cert-manager, which have one and the same ACME server. */
class Both {
  readonly world: AcmeWorld;
  readonly manager: CertManager;

  constructor(world: AcmeWorld, manager: CertManager) {
    this.world = world;
    this.manager = manager;
  }

  static async open(options: WorldOptions = {}): Promise<Both> {
    const world = await startAcmeWorld({}, options);
    const manager = await startCertManager(world.api, { httpPort: world.httpPort, address: machineAddress() });
    const { directory, caBundle } = world.pebble;
    const issuer = (name: string, http01: object): TestObject => ({ apiVersion: certManagerApi, kind: "ClusterIssuer", metadata: { name }, spec: { acme: { server: directory, caBundle: btoa(caBundle), privateKeySecretRef: { name: `${name}-account` }, solvers: [{ http01 }] } } });
    await world.api.apply([
      // Ours is the default: whoever asks in cert-manager's words must not get it all the same.
      world.issuer("ours", {}, { default: true }),
      issuer("theirs", { ingress: { ingressClassName: "contour" } }),
      issuer("gateway", { gatewayHTTPRoute: { parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "public", namespace: "shop" }] } }),
    ]);
    return new Both(world, manager);
  }

  secretOf(name: string): Promise<Secret> {
    return this.world.api.get<Secret>(`/api/v1/namespaces/shop/secrets/${name}`);
  }

  served(host: string): Promise<Met> {
    const { world, manager } = this;
    return waitFor(async () => meetHost(host, world.httpsPort, await world.pebble.root()), { what: `${host} is served`, timeoutMs: 60_000 }).catch((error: unknown) => assert.fail(`${String(error)}\n${manager.process.logTail()}\n${world.controllers[0]?.process.logTail()}`));
  }

  async ordersOfOurs(): Promise<number> {
    const { items } = await this.world.api.get<{ readonly items: readonly { readonly type: string }[] }>("/api/v1/namespaces/projectcontour/secrets");
    return items.filter(({ type }) => type === "projectcontour.io/acme-order").length;
  }

  async close(): Promise<void> {
    await this.manager.stop();
    await this.world.stop();
  }
}

function isTheirs({ metadata }: Secret): boolean {
  return metadata.annotations?.["cert-manager.io/certificate-name"] !== undefined && metadata.labels?.["projectcontour.io/issued-by"] === undefined;
}

describe("beside a real cert-manager, at one and the same ACME server", { timeout: 240_000 }, () => {
  let both: Both;
  let world: AcmeWorld;
  let manager: CertManager;
  before(async () => {
    both = await Both.open();
    ({ world, manager } = both);
  });
  after(() => both?.close());

  const certificate = (name: string, host: string): TestObject => ({ apiVersion: certManagerApi, kind: "Certificate", metadata: { name, namespace: "shop" }, spec: { secretName: `${name}-tls`, dnsNames: [host], issuerRef: { name: "theirs", kind: "ClusterIssuer" } } });
  const rules = (host: string): object => [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }] } }];

  it("an Ingress that asks for its certificate gets it from cert-manager, and from nobody else", async () => {
    await world.api.apply([{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web", namespace: "shop", annotations: { "cert-manager.io/cluster-issuer": "theirs", "kubernetes.io/tls-acme": "true", "ingress.kubernetes.io/force-ssl-redirect": "true" } }, spec: { ingressClassName: "contour", rules: rules("ingress.example.com"), tls: [{ hosts: ["ingress.example.com"], secretName: "ingress-tls" }] } }]);
    const { certificate: met } = await both.served("ingress.example.com");
    assert.equal(met.subjectAltName, "DNS:ingress.example.com");
    assert.ok(isTheirs(await both.secretOf("ingress-tls")));
    assert.ok(manager.asked.has("shop/ingress.example.com"), "its solver was asked, through Envoy");
    assert.equal(await both.ordersOfOurs(), 0);
  });

  it("an HTTPProxy with a Certificate of cert-manager is served, though it sends all plain requests to https", async () => {
    const proxy: TestObject = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "proxy", namespace: "shop" }, spec: { virtualhost: { fqdn: "proxy.example.com", tls: { secretName: "proxy-tls" } }, routes: [{ directResponsePolicy: { statusCode: 200, body: "served" } }] } };
    await world.api.apply([proxy, certificate("proxy", "proxy.example.com")]);
    assert.equal((await both.served("proxy.example.com")).status, 200);
    assert.ok(manager.asked.has("shop/proxy.example.com"));
    // It goes on when the solver is gone, and is replaced from there.
    const before = (await both.secretOf("proxy-tls")).data["tls.crt"];
    await world.api.request("DELETE", "/api/v1/namespaces/shop/secrets/proxy-tls");
    await waitFor(async () => (await both.secretOf("proxy-tls")).data["tls.crt"] !== before, { what: "cert-manager makes it anew", timeoutMs: 60_000 });
    await both.served("proxy.example.com");
  });

  it("who asks us gets a certificate of ours, and cert-manager leaves it alone", async () => {
    await world.api.apply([proxyWithIssuer("mine", "mine.example.com", { issuer: "ours" })]);
    await both.served("mine.example.com");
    const { metadata } = await both.secretOf("mine-tls");
    assert.equal(metadata.labels?.["projectcontour.io/issued-by"], "acme");
    assert.equal(metadata.annotations?.["cert-manager.io/certificate-name"], undefined);
  });

  it("a Secret of cert-manager that we are asked to fill stays its own, and the HTTPProxy says so", async () => {
    const proxy = proxyWithIssuer("taken", "taken.example.com", { issuer: "ours", tls: { secretName: "ingress-tls" } });
    const before = (await both.secretOf("ingress-tls")).data;
    await world.api.apply([proxy]);
    const status = await untilStatus<object>(world.api, proxy, "it is refused", (found) => JSON.stringify(found).includes("CertificateRefused"));
    assert.match(JSON.stringify(status), /was not made here and is not overwritten/);
    await world.api.remove(proxy);
    assert.deepEqual((await both.secretOf("ingress-tls")).data, before);
  });

  it("a Secret of ours that cert-manager takes over is left to it", async () => {
    const ours = (await both.secretOf("mine-tls")).data["tls.crt"];
    await world.api.apply([certificate("mine", "mine.example.com")]);
    const theirs = await waitFor(async () => {
      const secret = await both.secretOf("mine-tls");
      return secret.metadata.annotations?.["cert-manager.io/certificate-name"] === "mine" && secret.data["tls.crt"] !== ours ? secret : undefined;
    }, { what: "cert-manager takes it over", timeoutMs: 60_000 });
    const met = await waitFor(async () => {
      const { certificate: shown } = await meetHost("mine.example.com", world.httpsPort, await world.pebble.root());
      return Buffer.from(theirs.data["tls.crt"] ?? "", "base64").toString().startsWith(shown.toString().trim()) ? shown : undefined;
    }, { what: "it is served" });
    assert.ok(met);
    await untilStatus<object>(world.api, proxyWithIssuer("mine", "mine.example.com"), "the HTTPProxy says so", (found) => JSON.stringify(found).includes("was not made here"));
    // Nothing is fought over: another certificate is ordered by us meanwhile, so we have looked.
    await world.api.apply([proxyWithIssuer("after", "after.example.com", { issuer: "ours" })]);
    await both.served("after.example.com");
    assert.equal((await both.secretOf("mine-tls")).data["tls.crt"], theirs.data["tls.crt"]);
  });
});

/** The port of a Gateway's listener that Envoy serves at this one. */
function gatewayPort(envoyPort: number): number {
  return envoyPort - 8000;
}

describe("a Gateway beside a real cert-manager", { timeout: 120_000 }, () => {
  let both: Both;
  before(async () => {
    const [http = 0, https = 0] = await freePorts(2);
    both = await Both.open({ ingressPorts: [http, https] });
  });
  after(() => both?.close());

  it("gets the certificate that it asks for from cert-manager, whose solver is an HTTPRoute", async () => {
    const listeners = [
      { name: "http", port: gatewayPort(both.world.httpPort), protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } },
      { name: "https", hostname: "gateway.example.com", port: gatewayPort(both.world.httpsPort), protocol: "HTTPS", tls: { mode: "Terminate", certificateRefs: [{ name: "gateway-tls" }] } },
    ];
    await both.world.api.apply([
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace: "shop", annotations: { "cert-manager.io/cluster-issuer": "gateway" } }, spec: { gatewayClassName: "contour", listeners } },
      { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name: "web", namespace: "shop" }, spec: { parentRefs: [{ name: "public" }], hostnames: ["gateway.example.com"], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] } },
    ]);
    await both.served("gateway.example.com");
    assert.ok(isTheirs(await both.secretOf("gateway-tls")));
    assert.ok(both.manager.asked.has("shop/gateway.example.com"));
    assert.equal(await both.ordersOfOurs(), 0);
  });
});
