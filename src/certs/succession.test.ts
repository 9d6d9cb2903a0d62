import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createAuthority } from "#certs/authority";
import { certificatesIn, succeed, successionStep, trustedBy } from "#certs/succession";

const now = Date.UTC(2026, 0, 1);
const yearMs = 365 * 86_400_000;
const [first, second] = [await createAuthority("CN=one", now), await createAuthority("CN=one", now + 5 * yearMs)];

describe("an authority that ends", () => {
  it("has its follower made after half of its life, which signs after three quarters", () => {
    assert.deepEqual([4.9, 5.1].map((years) => successionStep({ current: first, retired: "" }, now + years * yearMs)), ["rest", "prepare"]);
    assert.deepEqual([7.4, 7.6].map((years) => successionStep({ current: first, next: second, retired: "" }, now + years * yearMs)), ["rest", "switch"]);
  });
  it("gives clients time for a follower that was made late, but not longer than it lives", async () => {
    const late = await createAuthority("CN=one", now + 8 * yearMs);
    assert.deepEqual([8.9, 9.1].map((years) => successionStep({ current: first, next: late, retired: "" }, now + years * yearMs)), ["rest", "switch"]);
    const latest = await createAuthority("CN=one", now + 9.4 * yearMs);
    assert.equal(successionStep({ current: first, next: latest, retired: "" }, now + 9.6 * yearMs), "switch");
  });
  it("is shown to clients from before its turn until its end", () => {
    const before = { current: first, next: second, retired: "" };
    assert.deepEqual(certificatesIn(trustedBy(before, now + 6 * yearMs)), [first.certificate, second.certificate]);
    const after = succeed(before, now + 8 * yearMs);
    assert.deepEqual([after.current, certificatesIn(trustedBy(after, now + 9 * yearMs))], [second, [second.certificate, first.certificate]]);
    assert.deepEqual(certificatesIn(trustedBy(after, now + 11 * yearMs)), [second.certificate]);
  });
});
