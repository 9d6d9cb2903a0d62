import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createAuthority, issueCertificate, lifeDays, stillServes } from "#certs/authority";
import type { CertificateWish } from "#certs/authority";

const now = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const wish: CertificateWish = { use: "client", dnsName: "envoy", uri: "contour-fleet://team/edge" };

describe("certificates between the controller and Envoys", async () => {
  const [authority, other] = [await createAuthority("CN=one", now), await createAuthority("CN=one", now)];
  const pair = await issueCertificate(authority, wish, now);
  const stranger = await issueCertificate(authority, wish, now);
  it("serve whom they are for", () => assert.ok(stillServes(authority, pair, wish, now)));
  it("serve nobody else", () => assert.ok(!stillServes(authority, pair, { ...wish, uri: "contour-fleet://team/other" }, now)));
  it("do not serve under another authority of the same name", () => assert.ok(!stillServes(other, pair, wish, now)));
  it("do not serve with another key", () => assert.ok(!stillServes(authority, { ...pair, key: stranger.key }, wish, now)));
  it("are replaced while a third of their year is left", () => assert.deepEqual([240, 250].map((days) => stillServes(authority, pair, wish, now + days * dayMs)), [true, false]));
  it("are replaced after two thirds of their life, however short it is", async () => {
    const short = await issueCertificate(authority, { ...wish, days: 2 }, now);
    assert.deepEqual([0.9, 1.1].map((days) => stillServes(authority, short, wish, now + days * dayMs)), [true, false]);
  });
  it("of a few seconds begin only a few seconds before they are made, so that they are not replaced at once", async () => {
    const short = await issueCertificate(authority, { ...wish, days: 60 / 86_400 }, now);
    assert.deepEqual([29, 31].map((seconds) => stillServes(authority, short, wish, now + seconds * 1000)), [true, false]);
  });
  it("tell for how long they were made", async () => {
    for (const days of [10 / 86_400, 1, 2, 30, 365]) assert.equal(lifeDays((await issueCertificate(authority, { ...wish, days }, now + 777)).certificate), days);
  });
  it("do not outlive their authority", async () => {
    const { certificate } = await issueCertificate(authority, { ...wish, days: 20 * 365 }, now);
    assert.equal(new X509Certificate(certificate).validTo, new X509Certificate(authority.certificate).validTo);
  });
  it("are not replaced again and again where their authority ends", async () => {
    const late = now + 3649.9 * dayMs;
    const last = await issueCertificate(authority, wish, late);
    assert.deepEqual([3649.95, 3650.1].map((days) => stillServes(authority, last, wish, now + days * dayMs)), [true, false]);
  });
  it("do not serve when they cannot be read", () => assert.ok(!stillServes(authority, { certificate: "nonsense", key: "" }, wish, now)));
});
