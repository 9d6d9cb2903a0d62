import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { checks } from "./checks.ts";
import { debianPlugins } from "./cni-plugins.ts";
import type { WiringResult } from "./results.ts";

const run = promisify(execFile);

describe("plugins that somebody brings along (--cni-bin, --cni-conf)", { timeout: 300_000 }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "contour-given-"));
    mkdirSync(join(folder, "bin"));
    // As a third party ships them: under names of their own, in a folder of their own.
    for (const [from, to] of [["bridge", "acme-bridge"], ["host-local", "acme-ipam"], ["portmap", "portmap"]] as const) copyFileSync(join(debianPlugins, from), join(folder, "bin", to));
    for (const [node, own, other, otherAddress] of [["n1", 1, 2, "172.31.0.12"], ["n2", 2, 1, "172.31.0.11"]] as const) {
      const conf = join(folder, "net.d", node);
      mkdirSync(conf, { recursive: true });
      const ipam = { type: "acme-ipam", dataDir: join(folder, "state", node), ranges: [[{ subnet: `10.71.${own}.0/24` }]], routes: [{ dst: "0.0.0.0/0" }] };
      writeFileSync(join(conf, "10-acme.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "acme-net", plugins: [{ type: "acme-bridge", bridge: "acme0", isGateway: true, hairpinMode: true, ipam }, { type: "portmap", capabilities: { portMappings: true } }] }));
      writeFileSync(join(conf, "start"), `#!/bin/sh\nip route add 10.71.${other}.0/24 via ${otherAddress}\nsleep 1000 >/dev/null 2>&1 &\n`);
      chmodSync(join(conf, "start"), 0o755);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("are checked as all others are", async () => {
    const output = join(folder, "results.json");
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, "main.ts"), "--cni-bin", join(folder, "bin"), "--cni-conf", join(folder, "net.d"), "--output", output], { maxBuffer: 1 << 24 }).catch((error: unknown) => assert.fail(String((error as { readonly stdout?: string }).stdout ?? error)));
    assert.match(stdout, /== given: acme-net: real: acme-bridge, portmap, as given/);
    const [result] = JSON.parse(readFileSync(output, "utf8")) as readonly [WiringResult];
    const ipv6 = ["ipv6", "dual"];
    for (const { id } of checks) assert.equal(result.findings[id]?.verdict, ipv6.includes(id) ? "unshown" : "pass", id);
    assert.equal(result.findings["source"]?.detail, "pod: its own; host-envoy at near pods: 10.71.1.1; host-envoy at far pods: node");
  });

  it("have to be there", async () => {
    await assert.rejects(run(process.execPath, [join(import.meta.dirname, "main.ts"), "--cni-bin", join(folder, "bin")]), /--cni-bin and --cni-conf belong together/);
  });
});
