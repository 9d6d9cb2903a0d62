import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { testbedFolder } from "../bed/cache.ts";
import { waitFor } from "../bed/wait.ts";
import { sectionsOf } from "../cluster/commands.ts";
import { slicesOf, startBackend } from "../reliability/world.ts";
import { kubeconfigOf, manifest } from "./accounts.ts";
import { startAcmeWorld } from "./acme-world.ts";
import type { AcmeWorld } from "./acme-world.ts";
import { objectsOf } from "./serving.ts";

const root = join(import.meta.dirname, "../..");
const sections = sectionsOf(join(root, "docs/tls.md"));
/** The ACME server that the page names. */
const server = "https://acme-v02.api.letsencrypt.org/directory";
const host = "shop.example.com";
/** How long certificates live here, so that renewal can be watched. */
const validitySeconds = 45;

describe("docs/tls.md on a real API server, with a real ACME server and Envoy", { timeout: 240_000 }, () => {
  let world: AcmeWorld;
  let backend: Awaited<ReturnType<typeof startBackend>>;
  let checkout: string;
  const done = new Set<string>();
  before(async () => {
    backend = await startBackend("hello");
    // Installed, as the page says: with the rights of the usual installation, and a site.
    world = await startAcmeWorld({ validitySeconds }, { prepare: async (api) => {
      await api.apply([...manifest("controller/service-account.yaml"), ...manifest("controller/rbac.yaml")]);
      return { kubeconfigPath: await kubeconfigOf(api, "contour"), folder: api.folder };
    } });
    await world.api.apply([...objectsOf(readFileSync(join(root, "examples/operations/shop.yaml"), "utf8")), ...slicesOf("shop", [backend.port])].map((object) => ({ ...object, metadata: { namespace: "default", ...object.metadata } })));
    checkout = mkdtempSync(join(tmpdir(), "contour-checkout-"));
    for (const folder of ["deploy", "examples"]) cpSync(join(root, folder), join(checkout, folder), { recursive: true });
    // Names lead to Envoy, and everybody trusts the ACME server's root.
    writeFileSync(join(checkout, "root.pem"), await world.pebble.root());
    writeFileSync(join(checkout, ".curlrc"), `connect-to = "::127.0.0.1:${world.httpsPort}"\ncacert = "${join(checkout, "root.pem")}"\n`);
  });
  after(async () => {
    await world?.stop();
    backend?.close();
    if (checkout !== undefined) rmSync(checkout, { recursive: true, force: true });
  });

  /** Runs the commands of a section as a reader would; gives what they print. */
  const run = async (title: string): Promise<string> => {
    const section = sections.find((one) => one.title === title);
    assert.ok(section, `docs/tls.md has a section "${title}" with commands`);
    done.add(title);
    const outputs: string[] = [];
    for (const script of section.scripts) {
      const bundle = world.pebble.caBundle.trim().replaceAll("\n", "\n      ");
      writeFileSync(join(checkout, "script"), `set -euo pipefail\n${script.replace(server, `${world.pebble.directory}\n    caBundle: |\n      ${bundle}`)}`);
      const env = { ...process.env, KUBECONFIG: world.api.kubeconfigPath, CURL_HOME: checkout, PATH: `${join(testbedFolder(), "bin")}:${process.env["PATH"] ?? ""}` };
      const { stdout } = await promisify(execFile)("bash", [join(checkout, "script")], { cwd: checkout, env }).catch((error: unknown) => assert.fail(`${title}:\n${script}\n${String((error as { stderr?: string }).stderr)}\n${world.controllers[0]?.process.logTail()}`));
      outputs.push(stdout);
    }
    return outputs.join("\n");
  };

  it("leads from nothing to a certificate", async () => {
    const printed = await run("From nothing to a certificate that renews itself");
    assert.match(printed, /^hello$/m);
    assert.match(printed, /^letsencrypt +True /m);
    assert.match(printed, /Valid HTTPProxy/);
    assert.match(printed, /issuer=CN ?= ?Pebble[^]*notAfter=[^]*DNS:shop\.example\.com/);
  });

  it("that renews itself, before it ends, while every request is answered", async () => {
    const first = await world.meet(host);
    let failed = "";
    const next = await waitFor(async () => {
      const met = await world.meet(host).catch((error: unknown) => ((failed = String(error)), first));
      return met.certificate.serialNumber === first.certificate.serialNumber ? undefined : met;
    }, { what: "another certificate", timeoutMs: validitySeconds * 1000 });
    assert.deepEqual([failed, next.status], ["", 200]);
  });

  it("has an Ingress ask for one", async () => assert.match(await run("Ingress and Gateway API"), /^hello$/m));

  it("makes an authority for names that nobody else knows", async () => {
    assert.match(await run("Names that no public authority knows"), /^hello$/m);
    assert.ok(new X509Certificate(readFileSync(join(checkout, "corp.crt"))).ca);
  });

  it("revokes a certificate", async () => {
    // One that is young: it is not renewed meanwhile.
    const { certificate } = await waitFor(async () => {
      const met = await world.meet(host);
      return Date.now() - met.certificate.validFromDate.getTime() < 10_000 && met;
    }, { what: "a young certificate", timeoutMs: validitySeconds * 1000 });
    await run("When a key got into wrong hands");
    assert.equal(await world.pebble.statusOf(certificate.serialNumber), "revoked");
    const next = await waitFor(async () => {
      const met = await world.meet(host);
      return met.certificate.serialNumber !== certificate.serialNumber && met;
    }, { what: "another certificate is served" });
    assert.equal(next.status, 200);
  });

  it("has no section with commands that were not run", () => assert.deepEqual(sections.map(({ title }) => title).filter((title) => !done.has(title)), []));
});
