import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { rfc2136Solver } from "#acme/dns/rfc2136";
import type { TestObject } from "../bed/kube-client.ts";
import { signatures, startNameServer } from "../bed/name-server.ts";
import type { NameServer } from "../bed/name-server.ts";
import { waitFor } from "../bed/wait.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { untilStatus } from "./serving.ts";

const zone = "example.com";

describe("updates of a real name server (RFC 2136)", { timeout: 60_000 }, () => {
  let server: NameServer;
  before(async () => void (server = await startNameServer(zone)));
  after(() => server?.stop());

  const solver = (algorithm: (typeof signatures)[number], more: object = {}, now?: () => number): ReturnType<typeof rfc2136Solver> => rfc2136Solver({ nameserver: server.address, zone, keyName: algorithm, algorithm, key: Buffer.from(server.keys[algorithm], "base64"), ...more }, now);

  for (const algorithm of signatures) {
    it(`signed by ${algorithm}: records of one name stand beside each other, and are taken away one by one`, async () => {
      const [name, { present, remove }] = [`_acme-challenge.${algorithm}.${zone}`, solver(algorithm)];
      for (const value of ["one", "two", "two"]) await present(name, value);
      assert.deepEqual((await server.texts(name)).toSorted(), ["one", "two"]);
      await remove(name, "one");
      assert.deepEqual(await server.texts(name), ["two"]);
      for (const value of ["two", "two"]) await remove(name, value);
      assert.deepEqual(await server.texts(name), []);
    });
  }

  it("are refused with a wrong key, an unknown key, a wrong clock, another zone, a name outside it: and the error says so", async () => {
    const name = `_acme-challenge.refused.${zone}`;
    const wrong = [solver("hmac-sha256", { key: Buffer.alloc(32) }), solver("hmac-sha256", { keyName: "unknown" }), solver("hmac-sha256", {}, () => Date.now() - 3_600_000), solver("hmac-sha256", { zone: "example.org" })];
    for (const { present } of wrong) await assert.rejects(present(name, "value"), /127\.0\.0\.1:\d+ does not set _acme-challenge\.refused\.example\.com in zone example\.(com|org): NOTAUTH/);
    await assert.rejects(solver("hmac-sha256").present("_acme-challenge.example.org", "value"), /NOTZONE/);
    assert.deepEqual(await server.texts(name), []);
  });

  it("fail where nobody listens", async () => {
    await assert.rejects(solver("hmac-sha256", { nameserver: "127.0.0.1:1" }).present(`_acme-challenge.${zone}`, "value"), /the name server 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/);
  });
});

describe("DNS-01 by updates of a real name server, which the ACME server asks", { timeout: 120_000 }, () => {
  let server: NameServer;
  let world: AcmeWorld;
  before(async () => {
    server = await startNameServer(zone);
    world = await startAcmeWorld({ nameServer: server.address });
    const solvers = (key: string): object => ({ solvers: [{ type: "DNS-01", propagationSeconds: 0, rfc2136: { nameserver: server.address, zone, tsigKeyName: "hmac-sha512", tsigAlgorithm: "hmac-sha512", tsigSecret: { name: "tsig", key } } }] });
    const data = { good: Buffer.from(server.keys["hmac-sha512"]).toString("base64"), bad: Buffer.from(server.keys["hmac-sha256"]).toString("base64") };
    await world.api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "tsig", namespace: "projectcontour" }, data }, world.issuer("dns", solvers("good")), world.issuer("wrong", solvers("bad"))]);
  });
  after(async () => {
    await world?.stop();
    await server?.stop();
  });

  it("a host and all hosts under it get one certificate by two records of one name, which are gone afterwards", async () => {
    const hosts = ["two.example.com", "*.two.example.com"];
    const rules = hosts.map((host) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }] } }));
    const ingress: TestObject = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "two", namespace: "shop", annotations: { "projectcontour.io/cluster-issuer": "dns" } }, spec: { rules, tls: [{ hosts, secretName: "two-tls" }] } };
    await world.api.apply([ingress]);
    for (const host of ["two.example.com", "one.two.example.com"]) {
      const { certificate } = await untilServed(world, host).catch((error: unknown) => assert.fail(`${String(error)}\n${server.log()}`));
      assert.deepEqual(certificate.subjectAltName?.split(", ").toSorted(), ["DNS:*.two.example.com", "DNS:two.example.com"]);
    }
    await waitFor(async () => (await server.texts("_acme-challenge.two.example.com")).length === 0, { what: "the records are gone" });
    assert.match(server.log(), /adding an RR at '_acme-challenge\.two\.example\.com' TXT/);
  });

  it("what the name server refuses is told", async () => {
    const proxy = proxyWithIssuer("refused", "refused.example.com", { issuer: "wrong" });
    await world.api.apply([proxy]);
    const status = await untilStatus<{ readonly conditions?: readonly { readonly message: string }[] }>(world.api, proxy, "the refusal is told", ({ conditions = [] }) => /CertificateFailing|NOTAUTH/.test(JSON.stringify(conditions)));
    assert.match(JSON.stringify(status), /does not set _acme-challenge\.refused\.example\.com in zone example\.com: NOTAUTH: it does not know the key/);
    await world.api.remove(proxy);
  });
});
