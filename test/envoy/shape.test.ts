import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Sensitive } from "#lib/sensitive";
import type { CertificateSecret } from "#model/secret";
import { createAuthority } from "../bed/pki.ts";
import type { Authority } from "../bed/pki.ts";
import { freePorts } from "../bed/free-port.ts";
import { send } from "./client.ts";
import type { Answer, Wish } from "./client.ts";
import { cluster, endpoints, host, listener, origin, prefix, route, secureHost, termination, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";
import type { Backend, Rig } from "./rig.ts";

const [plain, secure] = ["ingress_http", "ingress_https"];

let rig: Rig;
let backends: readonly Backend[];
let [plainPort, securePort] = [0, 0];

async function secret(authority: Authority, name: string, dnsNames: readonly string[]): Promise<CertificateSecret> {
  const { certificate, key } = await authority.issue({ subject: `CN=${name}`, use: "server", dnsNames });
  return { name, certificateChain: certificate, privateKey: new Sensitive(key), expiresAt: 4e12, origin };
}

before(async () => {
  const authority = await createAuthority("test");
  const ports = await freePorts(2);
  [plainPort, securePort] = [ports[0] ?? 0, ports[1] ?? 0];
  backends = [await startBackend("a"), await startBackend("b")];
  rig = await startRig();
  const all = (cluster: string) => [route(prefix("/"), to(cluster))];
  await rig.apply({
    listeners: [
      { listener: listener(plain, "http", plainPort) },
      {
        listener: listener(secure, "https", securePort),
        tlsHosts: [
          secureHost(secure, "one.example.com", termination("shared")),
          secureHost(secure, "two.example.com", termination("shared")),
          secureHost(secure, "*.tls.example", termination("wild")),
          secureHost(secure, "own.tls.example", termination("own")),
          { kind: "fallback", listener: secure, tls: termination("fallback"), origin },
          { kind: "passthrough", listener: secure, host: "pass.example.com", proxy: { targets: [{ cluster: "self", weight: 1 }], idleTimeoutMs: 9_001_000, origin }, origin },
        ],
      },
    ],
    secrets: [await secret(authority, "shared", ["one.example.com", "two.example.com"]), await secret(authority, "wild", ["*.tls.example"]), await secret(authority, "own", ["own.tls.example"]), await secret(authority, "fallback", ["x"])],
    clusters: [cluster("a"), cluster("b"), cluster("self")],
    endpoints: [endpoints("a", backends[0]?.port ?? 0), endpoints("b", backends[1]?.port ?? 0), endpoints("self", securePort)],
    hosts: [
      host(plain, "exact.example.com", [route(prefix("/only"), to("a"))]),
      host(plain, "*.example.com", all("b")),
      host(plain, "*.deep.example", all("b"), { wildcard: "any-depth" }),
      host(secure, "one.example.com", all("a"), { requireSni: true }),
      host(secure, "two.example.com", all("b"), { requireSni: true }),
      host(secure, "*.tls.example", all("b"), { requireSni: true }),
      host(secure, "own.tls.example", all("a"), { requireSni: true }),
      host(`${secure}-fallback`, "one.example.com", all("a")),
    ],
  });
});

after(async () => {
  await rig?.stop();
  await Promise.all((backends ?? []).map((backend) => backend.close()));
});

const get = (name: string, wish: Partial<Wish> = {}): Promise<Answer> => send({ port: plainPort, host: name, ...wish });
const getTls = (sni: string, name: string, wish: Partial<Wish> = {}): Promise<Answer> => send({ port: securePort, host: name, sni, ...wish });
const reached = ({ status, echo }: Answer): string => `${status} ${echo?.backend ?? "-"}`;

describe("a request finds its host", () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["an exact host", "exact.example.com", "/only/x", "200 a"],
    ["a port in Host", "exact.example.com:8080", "/only", "200 a"],
    ["a Host in capital letters", "EXACT.Example.COM", "/only", "200 a"],
    ["capital letters and a port", "EXACT.Example.COM:81", "/only", "200 a"],
    ["a path that an exact host has not does not fall into the wildcard host", "exact.example.com", "/other", "404 -"],
    ["the same in capital letters", "Exact.example.com", "/other", "404 -"],
    ["a wildcard host", "any.example.com", "/", "200 b"],
    ["a wildcard host with a port", "any.example.com:81", "/", "200 b"],
    ["a wildcard host in capital letters", "ANY.example.com", "/", "200 b"],
    ["two labels do not match a wildcard of one", "a.b.example.com", "/", "404 -"],
    ["two labels match a wildcard of any depth", "a.b.deep.example", "/", "200 b"],
    ["an unknown host", "unknown.org", "/", "404 -"],
    ["the wildcard itself as Host", "*", "/", "404 -"],
    ["an IPv6 address as Host", "[::1]:80", "/", "404 -"],
    ["another listener's host", "one.example.com", "/", "200 b"],
    ["a separator in Host", "x|exact.example.com", "/only", "400 -"],
  ];
  for (const [name, hostName, path, expected] of cases) {
    it(name, async () => assert.equal(reached(await get(hostName, { path })), expected));
  }

  it("headers for Envoy's own use count nothing when a client sends them, and backends do not see them", async () => {
    const headers = { "x-contour-scope": `${plain}|any.example.com`, "x-contour-sni": "one.example.com", "x-contour-chain": "|*.tls.example|" };
    const answer = await get("exact.example.com", { path: "/only", headers });
    assert.equal(reached(answer), "200 a");
    assert.deepEqual(Object.keys(answer.echo?.headers ?? {}).filter((name) => name.startsWith("x-contour")), []);
    const wild = await get("any.example.com", { headers });
    assert.deepEqual(Object.keys(wild.echo?.headers ?? {}).filter((name) => name.startsWith("x-contour")), []);
  });

  it("backends learn when the request began", async () => {
    const answer = await get("any.example.com");
    assert.match(answer.echo?.headers["x-request-start"] ?? "", /^t=\d+\.\d{3}$/);
  });
});

describe("a TLS request must be for the host that TLS began with", () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["the same host", "one.example.com", "one.example.com", "200 a"],
    ["the other host of the same chain", "two.example.com", "two.example.com", "200 b"],
    ["a host that shares the chain is misdirected", "one.example.com", "two.example.com", "421 -"],
    ["capital letters in both", "ONE.example.com", "One.Example.com", "200 a"],
    ["a wildcard host", "x.tls.example", "x.tls.example", "200 b"],
    ["another host of the same wildcard", "x.tls.example", "y.tls.example", "200 b"],
    ["a wildcard host over the chain of an exact one", "own.tls.example", "x.tls.example", "421 -"],
    ["an exact host over the chain of a wildcard", "x.tls.example", "own.tls.example", "421 -"],
    ["two labels under a wildcard of one", "a.b.tls.example", "a.b.tls.example", "404 -"],
    ["a wildcard host, but began with two labels", "a.b.tls.example", "x.tls.example", "421 -"],
    ["an unknown host", "one.example.com", "unknown.org", "404 -"],
    ["a host of the plain listener", "one.example.com", "exact.example.com", "404 -"],
  ];
  for (const [name, sni, hostName, expected] of cases) {
    it(name, async () => assert.equal(reached(await getTls(sni, hostName)), expected));
  }

  it("a client's own SNI header counts nothing", async () => {
    assert.equal((await getTls("one.example.com", "two.example.com", { headers: { "x-contour-sni": "two.example.com" } })).status, 421);
    assert.equal((await getTls("own.tls.example", "x.tls.example", { headers: { "x-contour-chain": "|*.tls.example|", "x-contour-sni": "x.tls.example" } })).status, 421);
  });

  it("each chain has its certificate", async () => {
    assert.equal((await getTls("one.example.com", "one.example.com")).certificate, "shared");
    assert.equal((await getTls("own.tls.example", "own.tls.example")).certificate, "own");
  });

  it("without SNI only hosts that opted in are reached, with the fallback certificate", async () => {
    const answer = await getTls("", "one.example.com");
    assert.deepEqual([reached(answer), answer.certificate], ["200 a", "fallback"]);
    assert.equal((await getTls("", "two.example.com")).status, 404);
    assert.equal((await getTls("", "one.example.com", { headers: { "x-contour-scope": `${secure}|two.example.com` } })).status, 200);
  });
});
