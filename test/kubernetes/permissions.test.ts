import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Permissions } from "#app/permissions";
import { certgenPermissions, provisionerPermissions, servePermissions } from "#app/permissions";
import { createAuthority as createXdsAuthority } from "#certs/authority";
import { issueXdsCertificates, xdsSecrets } from "#certs/xds-secrets";
import type { XdsCertificates } from "#certs/xds-secrets";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import { createAuthority } from "../bed/pki.ts";
import { freePorts } from "../bed/free-port.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { startProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";
import { kubeconfigOf, manifest, userOf } from "./accounts.ts";
import { createAudit, rightsIn } from "./audit.ts";
import type { Audit } from "./audit.ts";
import { contourCrds, gatewayCrds, objectsOf, untilStatus } from "./serving.ts";

const root = join(import.meta.dirname, "../..");

/** Made use of where there are issuers: see issuing-rights.test.ts. */
const ofIssuers = rightsIn([{ apiGroups: ["projectcontour.io"], resources: ["certificateissuers/status", "clustercertificateissuers/status"], verbs: ["patch"] }]);

/** An object of each kind that has a status of ours. */
const objects = objectsOf(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { ports: [{ port: 80 }] }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: shop, namespace: default }
spec: { virtualhost: { fqdn: shop.example.com }, routes: [{ services: [{ name: web, port: 80 }] }] }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: broken, namespace: default }
spec: { virtualhost: { fqdn: broken.example.com }, routes: [{ services: [{ name: gone, port: 80 }] }] }
---
apiVersion: projectcontour.io/v1alpha1
kind: ExtensionService
metadata: { name: guard, namespace: default }
spec: { services: [{ name: web, port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: wiki, namespace: default }
spec: { rules: [{ host: wiki.example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] }
---
apiVersion: projectcontour.io/v1alpha1
kind: ContourDeployment
metadata: { name: small, namespace: projectcontour }
spec: { envoy: { workloadType: Deployment } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller, parametersRef: { group: projectcontour.io, kind: ContourDeployment, name: small, namespace: projectcontour } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: public, namespace: default }
spec:
  gatewayClassName: contour
  allowedListeners: { namespaces: { from: All } }
  listeners:
    - { name: http, port: 80, protocol: HTTP }
    - { name: tls, port: 443, protocol: TLS, tls: { mode: Passthrough } }
    - { name: dns, port: 53, protocol: UDP }
    - { name: bytes, port: 54, protocol: TCP }
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: set, namespace: default }
spec: { parentRef: { name: public }, listeners: [{ name: more, port: 81, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: web, namespace: default }
spec: { targetRefs: [{ group: "", kind: Service, name: web }], validation: { hostname: web.example.com, wellKnownCACertificates: System } }
---
apiVersion: projectcontour.io/v1alpha1
kind: TrafficPolicy
metadata: { name: limits, namespace: default }
spec: { targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: public }] }
`);
const routes = (["HTTPRoute", "GRPCRoute", "TLSRoute", "UDPRoute", "TCPRoute"] as const).map((kind): TestObject => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind, metadata: { name: "route", namespace: "default" },
  spec: { parentRefs: [{ name: "public" }], ...(kind === "TLSRoute" ? { hostnames: ["secure.example.com"] } : {}), ...(kind === "GRPCRoute" ? { hostnames: ["calls.example.com"] } : {}), rules: [{ backendRefs: [{ name: "web", port: 80 }] }] },
}));
const configuration: TestObject = { apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: {} };

describe("the rights in deploy/ and a real API server", { timeout: 240_000 }, () => {
  let api: ApiServer;
  let audit: Audit;
  let xdsFiles: readonly string[];
  before(async () => {
    audit = createAudit();
    api = await startApiServer({ args: audit.args });
    await api.apply([...contourCrds(), ...gatewayCrds(), { apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }]);
    await api.apply([...manifest("controller/service-account.yaml"), ...manifest("controller/rbac.yaml"), ...manifest("gateway-provisioner/service-account.yaml"), ...manifest("gateway-provisioner/rbac.yaml")]);
    await api.apply([...objects, ...routes, configuration]);
    xdsFiles = await oldCertificates();
  });
  after(async () => {
    await api?.stop();
    audit?.close();
  });

  /** Certificates of certgen that are to be renewed by now; gives the flags of a server that has newer ones. */
  const oldCertificates = async (): Promise<readonly string[]> => {
    const now = Date.now();
    const authority = await createXdsAuthority("CN=Contour xDS", now - 300 * 86_400_000);
    const issued = async (at: number): Promise<XdsCertificates> => issueXdsCertificates(authority, { namespace: "projectcontour", days: 365, now: at });
    const kept: TestObject = { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name: "contour-xds-authority", namespace: "projectcontour" }, data: { "tls.crt": btoa(authority.certificate), "tls.key": btoa(authority.key) } };
    await api.apply([kept, ...xdsSecrets(await issued(now - 300 * 86_400_000), { format: "compact", namespace: "projectcontour", suffix: "" }).map((secret): TestObject => ({ ...secret, metadata: { name: secret.metadata.name, namespace: "projectcontour" } }))]);
    const { contour } = await issued(now);
    return Object.entries({ "contour-cafile": authority.certificate, "contour-cert-file": contour.certificate, "contour-key-file": contour.key }).flatMap(([flag, text]) => {
      const path = join(api.folder, flag);
      writeFileSync(path, text, { mode: 0o600 });
      return [`--${flag}`, path];
    });
  };

  /** Runs a command of contour as a service account of the manifests, until it has made use of every right it has. */
  const proves = async (account: string, permissions: Permissions, command: readonly string[], meanwhile: () => Promise<void> = async () => {}): Promise<void> => {
    const granted = rightsIn([...permissions.cluster, ...permissions.namespace]);
    const rights = (): ReturnType<Audit["rightsOf"]> => audit.rightsOf(userOf(account));
    const process = startProcess({ name: account, command: join(root, "bin/contour"), args: [...command, "--kubeconfig", await kubeconfigOf(api, account)], logPath: join(api.folder, `${account}.log`) });
    const unused = (): readonly string[] => [...granted.difference(rights().used).difference(ofIssuers)].toSorted();
    try {
      await meanwhile();
      await waitFor(() => (unused().length === 0 ? true : Promise.reject(new Error(unused().join(", ")))), { what: `every right of ${account} is used`, timeoutMs: 30_000, intervalMs: 200 });
    } catch (error) {
      throw new Error(`${String(error)}\n${process.logTail()}`, { cause: error });
    } finally {
      await process.stop();
    }
    assert.deepEqual([...rights().refused], [], "nothing is refused");
    assert.deepEqual([...rights().used.difference(granted)].filter((right) => !right.includes("selfsubject")), [], "nothing else is asked for");
  };

  const serveFlags = async (): Promise<readonly string[]> => {
    const [xds, http, debug] = await freePorts(3);
    return [...xdsFiles, "--contour-config-name", "contour", "--xds-port", String(xds), "--http-address", "127.0.0.1", "--http-port", String(http), "--health-address", "127.0.0.1", "--health-port", String(http), "--debug-http-port", String(debug), "--leader-election-retry-period", "300ms"];
  };

  it("are what `contour serve` uses, all of them and no more", async () => {
    await proves("contour", servePermissions(), ["serve", ...(await serveFlags()), "--ingress-status-address", "192.0.2.1"]);
  });

  it("on Secrets can be those of named namespaces", async () => {
    await api.apply([...manifest("components/named-secrets/cluster-role.yaml"), ...manifest("components/named-secrets/roles.yaml")]);
    const authority = await createAuthority("test");
    const pair = await authority.issue({ subject: "CN=named.example.com", use: "server", dnsNames: ["named.example.com"] });
    const named: TestObject = { apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name: "named", namespace: "default" }, spec: { virtualhost: { fqdn: "named.example.com", tls: { secretName: "named" } }, routes: [{ services: [{ name: "web", port: 80 }] }] } };
    await api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "named", namespace: "default" }, type: "kubernetes.io/tls", data: { "tls.crt": btoa(pair.certificate), "tls.key": btoa(pair.key) } }, named]);
    const process = startProcess({ name: "named", command: join(root, "bin/contour"), args: ["serve", ...(await serveFlags()), "--secret-namespaces", "default", "--kubeconfig", await kubeconfigOf(api, "contour")], logPath: join(api.folder, "named.log") });
    try {
      await untilStatus<{ readonly currentStatus?: string }>(api, named, "a host with a certificate is valid", ({ currentStatus }) => currentStatus === "valid");
    } finally {
      await process.stop();
    }
    assert.deepEqual([...audit.rightsOf(userOf("contour")).refused], []);
  });

  it("are what `contour certgen` uses", async () => {
    await api.apply(["contourcert", "envoycert"].map((name) => ({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "projectcontour" }, type: "kubernetes.io/tls", data: { "tls.crt": "", "tls.key": "" } })));
    await proves("contour-certgen", certgenPermissions(), ["certgen", "--kube", "--overwrite", "--secrets-format", "compact"]);
  });

  it("are what `contour gateway-provisioner` uses", async () => {
    // Without the statuses from before.
    for (const object of [...objects, ...routes]) await api.remove(object);
    await api.apply([...objects, ...routes]);
    const [xds, http] = await freePorts(2);
    const path = "/apis/apps/v1/namespaces/default/deployments/envoy-public";
    const parameters = "/apis/projectcontour.io/v1alpha1/namespaces/projectcontour/contourdeployments/small";
    const change = async (spec: object): Promise<void> => void (await api.request("PATCH", parameters, { spec }, "application/merge-patch+json"));
    await proves("contour-gateway-provisioner", provisionerPermissions(), ["gateway-provisioner", "--enable-leader-election", "--xds-address", "127.0.0.1", "--xds-port", String(xds), "--metrics-addr", `127.0.0.1:${http}`], async () => {
      await waitFor(async () => (await api.request("GET", path)).status === 200, { what: "the Envoys of a Gateway are made" });
      // Its Envoys are replaced, and then those that several Gateways share take their place.
      await change({ envoy: { workloadType: "DaemonSet" } });
      await waitFor(async () => (await api.request("GET", path)).status === 404, { what: "the Deployment is gone" });
      await change({ mergeGateways: true });
    });
  });
});
