import assert from "node:assert/strict";
import { createServer, request as httpsRequest } from "node:https";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { untilStatus } from "./serving.ts";

interface Conditions {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
}

/** Stands before the ACME server, counts orders, and refuses some as servers do whose limits are reached. */
interface Gate {
  readonly directory: string;
  readonly caBundle: string;
  /** When each order was asked for, in milliseconds since 1970. */
  readonly orders: readonly number[];
  /** Refuses all orders until then. */
  refuseFor(seconds: number): void;
  close(): void;
}

async function startGate({ pebble }: AcmeWorld): Promise<Gate> {
  const authority = await createAuthority("gate");
  const { certificate: cert, key } = await authority.issue({ subject: "CN=gate", use: "server", ips: ["127.0.0.1"] });
  const behind = new URL(pebble.directory);
  const orders: number[] = [];
  let refusedUntil = 0;
  const server = createServer({ cert, key }, (request, response) => {
    const isOrder = request.method === "POST" && request.url === "/order-plz";
    if (isOrder) orders.push(Date.now());
    if (isOrder && Date.now() < refusedUntil) {
      const retryAfter = String(Math.ceil((refusedUntil - Date.now()) / 1000));
      request.resume();
      // A nonce comes with each answer.
      response.writeHead(429, { "content-type": "application/problem+json", "retry-after": retryAfter, "replay-nonce": "refused" }).end(JSON.stringify({ type: "urn:ietf:params:acme:error:rateLimited", detail: "too many certificates already issued for example.com" }));
      return;
    }
    // Pebble names its own places by the host that it is asked for: so all of it goes through here.
    const onward = httpsRequest({ host: behind.hostname, port: behind.port, path: request.url ?? "/", method: request.method ?? "GET", headers: request.headers, ca: pebble.caBundle, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    directory: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    caBundle: authority.certificate,
    orders,
    refuseFor: (seconds) => void (refusedUntil = Date.now() + seconds * 1000),
    close: () => (server.closeAllConnections(), server.close()),
  };
}

describe("an ACME server with limits", { timeout: 240_000 }, () => {
  let world: AcmeWorld;
  let gate: Gate;
  before(async () => {
    world = await startAcmeWorld();
    gate = await startGate(world);
  });
  after(async () => {
    gate?.close();
    await world?.stop();
  });

  it("is asked for nothing, by nobody, until the time that it says; its words are told", async () => {
    const issuer = world.issuer("limited", { server: gate.directory, caBundle: gate.caBundle });
    await world.api.apply([issuer, proxyWithIssuer("first", "first.example.com", { issuer: "limited" })]);
    await untilServed(world, "first.example.com");
    const before = gate.orders.length;
    gate.refuseFor(12);
    const refusedAt = Date.now();
    const proxies = ["one", "two", "three"].map((name) => proxyWithIssuer(name, `${name}.example.com`, { issuer: "limited" }));
    await world.api.apply(proxies);
    const status = await untilStatus<Conditions>(world.api, issuer, "the refusal is told", ({ conditions = [] }) => conditions.some(({ type, status: is }) => type === "Issuing" && is === "False"));
    assert.match(JSON.stringify(status), /too many certificates already issued for example\.com \(rateLimited\)/);
    for (const name of ["one", "two", "three"]) await untilServed(world, `${name}.example.com`, undefined, 60_000);
    const early = gate.orders.slice(before).filter((at) => at < refusedAt + 11_000);
    // Those that were on their way already may have heard the same.
    assert.ok(early.length <= 3 && early.every((at) => at < refusedAt + 5_000), JSON.stringify(gate.orders.slice(before).map((at) => at - refusedAt)));
  });

  it("gets few orders an hour, though a thousand hosts ask at once; other issuers go on", async () => {
    const limits = { firstRetrySeconds: 60, longestRetrySeconds: 3600 };
    await world.api.apply([world.issuer("usual", { server: gate.directory, caBundle: gate.caBundle, limits })]);
    const before = gate.orders.length;
    const proxies = Array.from({ length: 1000 }, (_, i) => proxyWithIssuer(`many-${i}`, `many-${i}.example.com`, { issuer: "usual" }));
    for (let i = 0; i < proxies.length; i += 50) await Promise.all(proxies.slice(i, i + 50).map((proxy) => world.api.apply([proxy])));
    const issued = async (): Promise<number> => (await world.api.get<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>("/api/v1/namespaces/shop/secrets?labelSelector=projectcontour.io/issued-by")).items.filter(({ metadata }) => metadata.name.startsWith("many-")).length;
    // An eighth of the 80 of an hour at once; then one in 45 seconds.
    await waitFor(async () => (await issued()) >= 10, { what: `the first ten are issued\n${world.controllers[0]?.process.logTail()}`, timeoutMs: 90_000 });
    await world.api.apply([world.issuer("other"), proxyWithIssuer("aside", "aside.example.com", { issuer: "other" })]);
    await untilServed(world, "aside.example.com");
    const orders = gate.orders.slice(before);
    const minutes = (Date.now() - (orders[0] ?? 0)) / 60_000;
    assert.ok(orders.length <= 11 + minutes * (80 / 60), `${orders.length} orders in ${minutes.toFixed(1)} minutes`);
    await untilStatus<object>(world.api, proxyWithIssuer("many-999", "many-999.example.com", { issuer: "usual" }), "who waits is told so", (status) => JSON.stringify(status).includes("CertificatePending"));
  });
});

describe("wrong answers to challenges", { timeout: 120_000 }, () => {
  let world: AcmeWorld;
  before(async () => void (world = await startAcmeWorld()));
  after(() => world?.stop());

  it("of whoever a host's name leads to are told in the server's words; when the name leads here, the certificate is issued", async () => {
    // Another server, at the same port of another address, which says that it knows every challenge.
    const stranger = createHttpServer((_, response) => response.end("not-the-answer"));
    await new Promise<void>((resolve) => stranger.listen(world.httpPort, "127.0.0.2", resolve));
    try {
      await world.pebble.setAddress("astray.example.com", "127.0.0.2");
      const proxy = proxyWithIssuer("astray", "astray.example.com");
      await world.api.apply([world.issuer("ca"), proxy]);
      const status = await untilStatus<Conditions>(world.api, proxy, "it is told", ({ conditions = [] }) => /failed, next try/.test(conditions[0]?.message ?? ""));
      assert.match(status.conditions?.[0]?.message ?? "", /astray\.example\.com: .*not-the-answer.*\(unauthorized\)/);
      assert.equal(await world.certificateOf("shop", "astray-tls"), undefined);
      await world.pebble.setAddress("astray.example.com", "127.0.0.1");
      await untilServed(world, "astray.example.com");
    } finally {
      stranger.close();
    }
  });
});
