import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plan, renewalTime, retryDelay } from "#acme/plan";
import type { Situation } from "#acme/plan";
import type { OrderRecord } from "#acme/record";

const request = { namespace: "shop", name: "web", issuer: "ClusterCertificateIssuer//ca", hosts: ["a.example.com", "b.example.com"], fleets: [""] };
const certificate = { hosts: ["b.example.com", "a.example.com"], notBefore: 0, notAfter: 900, fingerprint: "x" };
const record: OrderRecord = { certificate: { namespace: "shop", name: "web" }, issuer: request.issuer, issuerGeneration: 1, hosts: request.hosts, fleets: [""], failures: 0 };
const under: OrderRecord = { ...record, order: { url: "https://ca/order/1", challenges: [] } };
const failed: OrderRecord = { ...record, failures: 2, retryAt: 500, problem: "no" };
const ours = { kind: "ours", issuer: request.issuer, certificate } as const;
const base: Situation = { request, secret: { kind: "absent" }, issuerGeneration: 1, renewAt: 600, now: 100 };

const cases: readonly (readonly [string, Partial<Situation>, object])[] = [
  ["a Secret that is not there is ordered", {}, { kind: "order", failures: 0 }],
  ["a certificate that serves rests until its renewal", { secret: ours }, { kind: "rest", until: 600 }],
  ["when the time of its renewal has come it is ordered", { secret: ours, now: 600 }, { kind: "order", failures: 0 }],
  ["a certificate for other hosts is ordered anew", { secret: { ...ours, certificate: { ...certificate, hosts: ["a.example.com"] } } }, { kind: "order", failures: 0 }],
  ["a certificate of another issuer is ordered anew", { secret: { ...ours, issuer: "other" } }, { kind: "order", failures: 0 }],
  ["a certificate that cannot be read is ordered anew", { secret: { kind: "ours", issuer: request.issuer } }, { kind: "order", failures: 0 }],
  ["what others made is left alone", { secret: { kind: "foreign" } }, { kind: "rest" }],
  ["and an order for it is given up", { secret: { kind: "foreign" }, record: under }, { kind: "forget" }],
  ["an order that is under way is gone on with, whoever began it", { record: under }, { kind: "resume", record: under }],
  ["after a failure it rests until the next try", { record: failed }, { kind: "rest", until: 500 }],
  ["and then tries again", { record: failed, now: 500 }, { kind: "order", failures: 2 }],
  ["a failure does not count for other hosts", { record: { ...failed, hosts: ["a.example.com"] } }, { kind: "forget" }],
  ["nor for a corrected issuer", { record: failed, issuerGeneration: 2 }, { kind: "forget" }],
  ["an order that nobody wants any more is given up", { request: undefined, record: under }, { kind: "forget" }],
  ["what is known of an order goes when its certificate is there", { secret: ours, record: under }, { kind: "forget" }],
];

describe("what is done next about a certificate", () => {
  for (const [what, change, step] of cases) it(what, () => assert.deepEqual(plan({ ...base, ...change }), step));
});

describe("when a certificate is renewed", () => {
  it("is after two thirds of its life, a little earlier for most", () => {
    assert.equal(renewalTime(certificate, undefined, 0), 600);
    assert.equal(renewalTime(certificate, undefined, 1), 555);
  });
  it("is in the window that the server suggests", () => assert.equal(renewalTime(certificate, { start: 100, end: 200 }, 0.5), 150));
});

describe("the wait after a failure", () => {
  const limits = { firstMs: 60_000, longestMs: 600_000 };
  it("doubles, up to the longest", () => assert.deepEqual([1, 2, 3, 9].map((failures) => retryDelay(failures, limits, 0.5)), [60_000, 120_000, 240_000, 600_000]));
  it("is as long as the server says", () => assert.equal(retryDelay(1, limits, 0.5, 3_600_000), 3_600_000));
});
