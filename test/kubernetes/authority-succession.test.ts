import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { openClusterAuthority } from "#acme/cluster-authority";
import type { ClusterAuthority } from "#acme/cluster-authority";
import { CertificateSecrets } from "#acme/secrets";
import { certificatesIn } from "#certs/succession";
import { kubeconfigAccess } from "#sources/kubernetes/kubeconfig-access";
import { createApiClient } from "#sources/kubernetes/client";
import type { ApiClient } from "#sources/kubernetes/client";
import { startApiServer } from "../bed/api-server.ts";
import type { ApiServer } from "../bed/api-server.ts";

const yearMs = 365 * 86_400_000;

describe("an authority that is kept in a Secret of a real API server", { timeout: 60_000 }, () => {
  let api: ApiServer;
  let client: ApiClient;
  before(async () => {
    api = await startApiServer();
    await api.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "projectcontour" } }]);
    client = createApiClient({ access: kubeconfigAccess({ env: process.env, clock: () => Date.now(), path: api.kubeconfigPath }), userAgent: "test", env: process.env });
  });
  after(async () => {
    client?.close();
    await api?.stop();
  });

  const open = (name: string, now: number, domains: readonly string[] = []): Promise<ClusterAuthority> => openClusterAuthority({ secrets: new CertificateSecrets(client, "projectcontour"), namespace: "projectcontour", name, title: `CN=${name}`, domains, clock: () => now });

  it("is one, though ten replicas make it at once", async () => {
    const opened = await Promise.all(Array.from({ length: 10 }, () => open("raced", Date.now())));
    assert.equal(new Set(opened.map(({ trusted }) => trusted)).size, 1);
  });

  it("is followed by another one in time, for thirty years, and clients that trust what they are shown never meet a stranger", async () => {
    const began = Date.now();
    let trusted: readonly string[] = [];
    const roots = new Set<string>();
    for (let years = 0; years < 30; years += 1) {
      const now = began + years * yearMs;
      const authority = await open("long", now);
      const { chain } = await authority.issue(["wiki.corp"], { keyType: "ECDSA-P256", lifeMs: 86_400_000 });
      assert.ok(authority.hasSigned(chain) && authority.endsAt > now + yearMs);
      const shown = certificatesIn(authority.trusted);
      // Whoever looked a year ago has the root of today already.
      const known = years === 0 ? shown : trusted;
      assert.ok(known.some((root) => new X509Certificate(chain).verify(new X509Certificate(root).publicKey)), `year ${years}`);
      assert.ok(shown.every((root) => new X509Certificate(root).validToDate.getTime() > now) && shown.length <= 3, `year ${years}`);
      for (const root of shown) roots.add(root);
      trusted = shown;
    }
    assert.ok(roots.size >= 4, `${roots.size} roots in thirty years`);
  });

  it("is not made anew for other domains behind the back of who trusts it", async () => {
    await open("narrow", Date.now(), ["corp"]);
    await assert.rejects(open("narrow", Date.now(), ["corp", "example.com"]), /was made for corp, and cannot be for corp, example\.com; name another Secret in spec\.authority\.secretName/);
  });
});
