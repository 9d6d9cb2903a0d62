import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { proxyWithIssuer, startAcmeWorld, untilServed } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";

/** Envoy waits up to half a minute before it tries again to reach a controller that was away, and no order goes on without it. */
const patienceMs = 90_000;

describe("renewal when the server suggests it (RFC 9773)", { timeout: 300_000 }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
    await world.api.apply([world.issuer("ca"), proxyWithIssuer("web", "web.example.com")]);
  });
  after(() => world?.stop());

  const pem = async (): Promise<string> => Buffer.from(((await world.api.request("GET", "/api/v1/namespaces/shop/secrets/web-tls")).body as { readonly data: Readonly<Record<string, string>> }).data["tls.crt"] ?? "", "base64").toString();
  // Servers are asked every few hours, and by whoever leads anew.
  const askAgain = async (): Promise<void> => {
    await world.controllers.at(-1)?.process.stop();
    await world.startReplica("--xds-port", String(world.controllers[0]?.xdsPort));
  };

  it("comes in the window, days before its time, and names the certificate that it replaces", async () => {
    const before = (await untilServed(world, "web.example.com")).certificate;
    assert.ok(before.validToDate.getTime() - Date.now() > 80 * 86_400_000);
    const [start, end] = [Date.now() + 12_000, Date.now() + 14_000];
    await world.pebble.suggestRenewal(await pem(), { start: new Date(start), end: new Date(end) });
    await askAgain();
    const { certificate } = await untilServed(world, "web.example.com", (met) => met.certificate.serialNumber !== before.serialNumber, patienceMs);
    assert.ok(Date.now() >= start, "not before the window");
    assert.notEqual(certificate.serialNumber, before.serialNumber);
  });

  it("comes at once when the window is over, as for a certificate that the server will revoke", async () => {
    const before = (await world.meet("web.example.com")).certificate.serialNumber;
    await world.pebble.suggestRenewal(await pem(), { start: new Date(Date.now() - 7_200_000), end: new Date(Date.now() - 3_600_000) });
    await askAgain();
    await untilServed(world, "web.example.com", (met) => met.certificate.serialNumber !== before, patienceMs);
  });

  it("does not come while the window is far away", async () => {
    const before = (await world.meet("web.example.com")).certificate.serialNumber;
    await world.pebble.suggestRenewal(await pem(), { start: new Date(Date.now() + 86_400_000), end: new Date(Date.now() + 90_000_000) });
    await askAgain();
    // Another certificate is ordered by the same leader meanwhile, so it has looked.
    await world.api.apply([proxyWithIssuer("other", "other.example.com")]);
    await untilServed(world, "other.example.com");
    assert.equal((await waitFor(() => world.meet("web.example.com"), { what: "it is served" })).certificate.serialNumber, before);
  });
});
