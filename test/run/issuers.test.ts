import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { meetHost } from "../kubernetes/acme-world.ts";
import { RunningContour } from "./session.ts";

const manifests = `
apiVersion: v1
kind: Service
metadata: { name: wiki }
spec: { selector: { app: wiki }, ports: [{ port: 80 }] }
---
apiVersion: projectcontour.io/v1alpha1
kind: ClusterCertificateIssuer
metadata: { name: letsencrypt }
spec: { acme: { server: "https://127.0.0.1:1/nobody" } }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: web }
spec:
  virtualhost: { fqdn: web.localhost, tls: { secretName: web-tls, issuer: { name: letsencrypt } } }
  routes: [{ directResponsePolicy: { statusCode: 200 } }]
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: wrong }
spec:
  virtualhost: { fqdn: wrong.localhost, tls: { secretName: wrong-tls, issuer: { name: gone } } }
  routes: [{ directResponsePolicy: { statusCode: 200 } }]
`;

const ingress = (hosts: readonly string[]): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: wiki, annotations: { projectcontour.io/cluster-issuer: letsencrypt } }
spec:
  tls: [{ secretName: wiki-tls, hosts: [${hosts.join(", ")}] }]
  rules: [${hosts.map((host) => `{ host: ${host}, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: wiki, port: { number: 80 } } } }] } }`).join(", ")}]
`;

describe("contour run with issuers among the manifests", { timeout: 60_000 }, () => {
  const contour = new RunningContour();
  const from = mkdtempSync(join(tmpdir(), "contour-run-issuers-"));
  before(async () => {
    writeFileSync(join(from, "proxies.yaml"), manifests);
    writeFileSync(join(from, "ingress.yaml"), ingress(["wiki.localhost", "docs.localhost"]));
    await contour.start(from);
  });
  after(async () => {
    await contour.interrupt();
    contour.cleanUp();
    rmSync(from, { recursive: true });
  });

  const serves = async (host: string): Promise<true> => {
    const { ca } = await contour.state("its state", () => true);
    return waitFor(async () => (await meetHost(host, contour.httpsPort, readFileSync(ca, "utf8"))).status > 0, { what: `${host} is served`, timeoutMs: 10_000 });
  };

  it("serves their hosts with certificates of the authority of this machine, and asks nobody", async () => {
    for (const host of ["web.localhost", "wiki.localhost", "docs.localhost"]) await serves(host);
    const state = await contour.state("one problem", ({ problems }) => problems.length === 1);
    assert.equal(state.problems[0]?.message, 'there is no ClusterCertificateIssuer "gone"');
  });

  it("takes another host into a certificate when a file is saved", async () => {
    writeFileSync(join(contour.folder, "manifests/ingress.yaml"), ingress(["wiki.localhost", "docs.localhost", "more.localhost"]));
    for (const host of ["more.localhost", "docs.localhost"]) await serves(host);
  });
});
