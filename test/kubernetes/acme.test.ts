import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
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
