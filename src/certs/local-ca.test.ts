import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openLocalCa } from "#certs/local-ca";

describe("the local authority", () => {
  it("is made once, keeps its key private, and signs leaves that it verifies", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "contour-ca-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const now = (): number => Date.UTC(2026, 0, 1);
    const first = await openLocalCa({ folder, now });
    const second = await openLocalCa({ folder, now });
    assert.deepEqual([first.created, second.created], [true, false]);
    assert.equal(statSync(join(folder, "ca.key")).mode & 0o077, 0);
    const { readFileSync } = await import("node:fs");
    const root = new X509Certificate(readFileSync(first.certificateFile));
    const leaf = new X509Certificate((await second.issue(["*.shop.localhost", "shop.localhost"])).certificatePem);
    assert.ok(leaf.verify(root.publicKey));
    assert.deepEqual(["a.shop.localhost", "shop.localhost"].map((host) => leaf.checkHost(host)), ["*.shop.localhost", "shop.localhost"]);
  });
});
