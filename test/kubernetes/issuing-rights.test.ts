import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../bed/free-port.ts";
import { issuingPermissions, keptCertificates, namedIssuingPermissions, namedSecretsServePermissions, provisionerIssuingPermissions, provisionerPermissions, secretPermissions, servePermissions } from "#app/permissions";
import type { Permission, Permissions } from "#app/permissions";
import type { TestObject } from "../bed/kube-client.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { startProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import { kubeconfigOf, manifest, userOf } from "./accounts.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { createAudit, rightsIn } from "./audit.ts";
import type { Audit } from "./audit.ts";
import { contourCrds, gatewayCrds, untilStatus } from "./serving.ts";

interface Conditions {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string; readonly errors?: readonly { readonly message: string }[] }[];
}

const all = ({ cluster, namespace }: Permissions): readonly Permission[] => [...cluster, ...namespace];
const ofIssuers = ["patch projectcontour.io/clustercertificateissuers/status"];
const ready = ({ conditions = [] }: Conditions): boolean => conditions.some(({ type, status }) => type === "Ready" && status === "True");

/** Checks that a service account made use of all rights of issuing, of no others than it has, and was refused none. */
function assertExact(audit: Audit, account: string, issuing: readonly Permission[], others: readonly Permission[], since?: Date): void {
  const { used, refused } = audit.rightsOf(userOf(account), since);
  assert.deepEqual([...refused], [], "nothing is refused");
  assert.deepEqual([...new Set([...rightsIn(issuing), ...ofIssuers]).difference(used)], [], "every right is used");
  assert.deepEqual([...used.difference(rightsIn([...issuing, ...others]))].filter((right) => !right.includes("selfsubject")), [], "nothing else is asked for");
}

/** Ends the replicas in good order: they take their Leases back. */
async function endReplicas({ controllers }: AcmeWorld): Promise<void> {
  await Promise.all(controllers.map(({ process }) => process.stop()));
}

describe("the rights of issuing, in all namespaces", { timeout: 180_000 }, () => {
  let world: AcmeWorld;
  let audit: Audit;
  let granted: Date;
  before(async () => {
    audit = createAudit();
    world = await startAcmeWorld({}, { apiServer: { args: audit.args }, prepare: async (api) => {
      await api.apply([...manifest("controller/service-account.yaml"), ...manifest("controller/rbac.yaml")]);
      return { kubeconfigPath: await kubeconfigOf(api, "contour"), folder: api.folder };
    } });
  });
  after(async () => {
    await world?.stop();
    audit?.close();
  });

  it("are left out of the usual installation: issuers say which ones are missing, and who waits for a certificate says so, too", async () => {
    const proxy = proxyWithIssuer("web", "web.example.com");
    await world.api.apply([world.issuer("ca"), proxy]);
    const status = await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer is not ready", ({ conditions = [] }) => conditions.some(({ reason }) => reason === "NotAllowed"));
    assert.match(status.conditions?.find(({ type }) => type === "Ready")?.message ?? "", /the controller has not the rights that issuing needs \(deploy\/components\/issuing\): secrets "acme-account-ca" is forbidden/);
    const told = await untilStatus<Conditions>(world.api, proxy, "the HTTPProxy says so", ({ conditions = [] }) => /not ready/.test(conditions[0]?.message ?? ""));
    assert.match(told.conditions?.[0]?.message ?? "", /being ordered from ClusterCertificateIssuer "ca", which is not ready: the controller has not the rights/);
  });

  it("count as soon as they are granted, without a restart", async () => {
    await world.api.apply(manifest("components/issuing/rbac.yaml"));
    granted = new Date();
    await untilServed(world, "web.example.com", undefined, 60_000);
    await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer is ready", ready);
  });

  it("are what ordering, renewing and revoking uses with two replicas, all of them and no more", async () => {
    await world.startReplica();
    await world.api.apply([world.issuer("alpn", { solvers: [{ type: "TLS-ALPN-01" }] }), { apiVersion: "projectcontour.io/v1alpha1", kind: "ClusterCertificateIssuer", metadata: { name: "local" }, spec: { authority: {} } }]);
    await world.api.apply([proxyWithIssuer("alpn", "alpn.example.com", { issuer: "alpn" }), proxyWithIssuer("local", "local.corp", { issuer: "local" })]);
    await untilServed(world, "alpn.example.com");
    await waitFor(() => world.certificateOf("shop", "local-tls"), { what: "a certificate of the authority" });
    const before = await world.certificateOf("shop", "web-tls");
    await world.api.request("PATCH", "/api/v1/namespaces/shop/secrets/web-tls", { metadata: { annotations: { "projectcontour.io/revoke": "superseded" } } }, "application/merge-patch+json");
    await untilServed(world, "web.example.com", ({ certificate }) => certificate.serialNumber !== before?.serialNumber);
    await endReplicas(world);
    assertExact(audit, "contour", all(issuingPermissions()), all(servePermissions()), granted);
  });
});

describe("the rights of issuing, in named namespaces", { timeout: 120_000 }, () => {
  let world: AcmeWorld;
  let audit: Audit;
  before(async () => {
    audit = createAudit();
    world = await startAcmeWorld({}, { apiServer: { args: audit.args }, flags: ["--secret-namespaces", "default", "--secret-namespaces", "projectcontour"], prepare: async (api) => {
      await api.apply([...manifest("controller/service-account.yaml"), ...manifest("controller/rbac.yaml")]);
      await api.apply(["cluster-role", "roles"].flatMap((file) => manifest(`components/named-secrets/${file}.yaml`)));
      await api.apply(manifest("components/issuing-in-named-namespaces/rbac.yaml"));
      return { kubeconfigPath: await kubeconfigOf(api, "contour"), folder: api.folder };
    } });
    await world.api.apply([{ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "default" }, spec: { ports: [{ port: 80 }] } }, world.issuer("ca")]);
  });
  after(async () => {
    await world?.stop();
    audit?.close();
  });

  it("are what ordering uses there, all of them and no more", async () => {
    await world.api.apply([proxyWithIssuer("web", "web.example.com", { namespace: "default" })]);
    const { certificate } = await untilServed(world, "web.example.com");
    await world.startReplica();
    await world.api.request("PATCH", "/api/v1/namespaces/default/secrets/web-tls", { metadata: { annotations: { "projectcontour.io/revoke": "superseded" } } }, "application/merge-patch+json");
    await untilServed(world, "web.example.com", (met) => met.certificate.serialNumber !== certificate.serialNumber);
    // A Lease is taken back when its replica ends in good order.
    await world.controllers.at(-1)?.process.stop();
    assertExact(audit, "contour", [...all(namedIssuingPermissions()), ...keptCertificates], [...all(namedSecretsServePermissions()), ...secretPermissions]);
  });

  it("do not reach further: the issuer names who asks for a certificate elsewhere", async () => {
    await world.api.apply([proxyWithIssuer("beyond", "beyond.example.com", { namespace: "other" })]);
    const status = await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer says so", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Issuing" && is === "False"));
    assert.match(status.conditions?.find(({ type }) => type === "Issuing")?.message ?? "", /other\/beyond-tls: secrets "beyond-tls" is forbidden/);
    assert.equal(await world.certificateOf("other", "beyond-tls"), undefined);
  });
});

describe("the rights of issuing where orders are not looked at", { timeout: 90_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({}, { flags: ["--secret-namespaces", "shop"] });
  });
  after(() => world?.stop());

  it("are told to be too few for challenges that Envoy answers, and which flag is missing", async () => {
    await world.api.apply([world.issuer("ca"), proxyWithIssuer("web", "web.example.com")]);
    const status = await untilStatus<Conditions>(world.api, world.issuer("ca"), "the issuer says so", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Issuing" && is === "False"));
    assert.match(status.conditions?.find(({ type }) => type === "Issuing")?.message ?? "", /name projectcontour in --secret-namespaces/);
  });
});

describe("the rights of issuing by a provisioner", { timeout: 90_000 }, () => {
  let api: ApiServer;
  let audit: Audit;
  before(async () => {
    audit = createAudit();
    api = await startApiServer({ args: audit.args });
    await api.apply([...contourCrds(), ...gatewayCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }]);
    await api.apply([...manifest("gateway-provisioner/service-account.yaml"), ...manifest("gateway-provisioner/rbac.yaml"), ...manifest("components/issuing-by-provisioner/rbac.yaml")]);
  });
  after(async () => {
    await api?.stop();
    audit?.close();
  });

  const gateway = (hostname: string): TestObject => ({ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace: "default", annotations: { "projectcontour.io/cluster-issuer": "local" } }, spec: { gatewayClassName: "contour", listeners: [{ name: "web", hostname, port: 443, protocol: "HTTPS", tls: { mode: "Terminate", certificateRefs: [{ name: "web-tls" }] } }] } });
  const certified = (name: string): Promise<true> => waitFor(async () => {
    const { body } = await api.request("GET", "/api/v1/namespaces/default/secrets/web-tls");
    const text = (body as { readonly data?: Readonly<Record<string, string>> }).data?.["tls.crt"];
    const { X509Certificate } = await import("node:crypto");
    return text !== undefined && new X509Certificate(Buffer.from(text, "base64")).subjectAltName === `DNS:${name}`;
  }, { what: `a certificate for ${name}` });

  it("are what it uses for a Gateway's certificate, all of them and no more", async () => {
    const [xds, http] = await freePorts(2);
    const replica = async (name: string, more: readonly string[]) => startProcess({ name, command: new URL("../../bin/contour", import.meta.url).pathname, args: ["gateway-provisioner", "--enable-leader-election", ...more, "--kubeconfig", await kubeconfigOf(api, "contour-gateway-provisioner")], logPath: `${api.folder}/${name}.log` });
    const process = await replica("provisioner", ["--xds-address", "127.0.0.1", "--xds-port", String(xds), "--metrics-addr", `127.0.0.1:${http}`]);
    try {
      await api.apply([
        { apiVersion: "projectcontour.io/v1alpha1", kind: "ClusterCertificateIssuer", metadata: { name: "local" }, spec: { authority: {} } },
        // Nobody answers there: its order is given up, again and again.
        { apiVersion: "projectcontour.io/v1alpha1", kind: "ClusterCertificateIssuer", metadata: { name: "away" }, spec: { acme: { server: "https://127.0.0.1:1/directory" } } },
        { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour" }, spec: { controllerName: "projectcontour.io/gateway-controller" } },
        gateway("one.corp"),
      ]);
      await certified("one.corp").catch((error: unknown) => assert.fail(`${String(error)}\n${process.logTail()}`));
      await api.apply([gateway("two.corp")]);
      await certified("two.corp");
    } finally {
      await process.stop();
    }
    const { used, refused } = audit.rightsOf(userOf("contour-gateway-provisioner"));
    assert.deepEqual([...refused], []);
    // Other replicas are asked for where Envoys answer challenges.
    assert.deepEqual([...rightsIn(all(provisionerIssuingPermissions())).difference(used)], ["list coordination.k8s.io/leases"]);
    assert.deepEqual([...used.difference(rightsIn([...all(provisionerIssuingPermissions()), ...all(provisionerPermissions())]))].filter((right) => !right.includes("selfsubject")), []);
  });
});
