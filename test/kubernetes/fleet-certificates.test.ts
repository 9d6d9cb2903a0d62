import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { Provisioner } from "#app/provisioner";
import { openAuthority } from "#app/xds-identity";
import { certificateName } from "#provision/names";
import { kubeconfigAccess } from "#sources/kubernetes/kubeconfig-access";
import { createApiClient } from "#sources/kubernetes/client";
import type { ApiClient } from "#sources/kubernetes/client";
import type { FleetPlan } from "#translate/gateway/fleet-plan";
import { startApiServer } from "../bed/api-server.ts";
import type { ApiServer } from "../bed/api-server.ts";
import { waitFor } from "../bed/wait.ts";

const dayMs = 86_400_000;
const plan: FleetPlan = { fleet: "team/edge", namespace: "team", name: "edge", owner: { kind: "Gateway", name: "edge", uid: "0" }, gatewayClass: "contour", labels: {}, annotations: {}, ports: [{ name: "http", port: 80, envoyPort: 8080, protocol: "TCP" }], addresses: [], parameters: {} };

describe("the certificate of Envoys that are made for a Gateway", { timeout: 90_000 }, () => {
  const stop = new AbortController();
  let api: ApiServer;
  let client: ApiClient;
  before(async () => {
    api = await startApiServer();
    await api.apply(["team", "projectcontour"].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })));
    client = createApiClient({ access: kubeconfigAccess({ env: process.env, clock: () => Date.now(), path: api.kubeconfigPath }), userAgent: "test", env: process.env });
  });
  after(async () => {
    stop.abort();
    client?.close();
    await api?.stop();
  });

  const certificate = async (): Promise<X509Certificate> => {
    const { data } = await api.get<{ readonly data: Readonly<Record<string, string>> }>(`/api/v1/namespaces/team/secrets/${certificateName("edge")}`);
    return new X509Certificate(Buffer.from(data["tls.crt"] ?? "", "base64"));
  };

  it("is replaced in time, though nothing happens to the Gateway, again and again", async () => {
    let now = Date.now();
    const clock = (): number => now;
    const authority = await openAuthority(client, "projectcontour", clock);
    const settings = { envoyImage: "example/envoy:1", contourImage: "example/contour:1", imagePullPolicy: "IfNotPresent", xds: { host: "contour", port: 8001 }, envoy: { stats: { address: "0.0.0.0", port: 8002 } } } as const;
    const provisioner = new Provisioner({ client, authority, authorities: authority.certificate, settings, log: pino({ level: "silent" }), clock, sleep: async () => undefined, random: () => 0, signal: stop.signal, isAbandoned: () => false, namespace: "projectcontour", onAddresses: () => undefined });
    provisioner.follow(new Map([[plan.fleet, [plan]]]));
    provisioner.setLeading(true);
    let served = await waitFor(certificate, { what: "the first certificate" });
    for (let year = 0; year < 5; year += 1) {
      now += 240 * dayMs;
      provisioner.tick();
      const writes = await waitFor(certificate, { what: "the Secret is read" });
      assert.equal(writes.serialNumber, served.serialNumber, "a third of its life is left");
      now += 10 * dayMs;
      // Ticks come every minute: one that finds the last work unfinished is followed by another.
      const next = await waitFor(async () => {
        provisioner.tick();
        const found = await certificate();
        return found.serialNumber === served.serialNumber ? undefined : found;
      }, { what: "another certificate" });
      assert.ok(next.verify(new X509Certificate(authority.certificate).publicKey));
      assert.ok(next.validToDate.getTime() - now > 364 * dayMs && served.validToDate.getTime() > now, "before the last one ends");
      served = next;
    }
  });
});
