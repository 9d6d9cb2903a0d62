import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { createAuthority } from "#certs/authority";
import { issueXdsCertificates, xdsPemFiles } from "#certs/xds-secrets";
import { buildSecret } from "#envoy/secret";
import { Sensitive } from "#lib/sensitive";
import { secretType } from "#xds/types";
import { clusterOf, endpointsOf, eventually, scopeOf } from "./real-envoy.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const contour = join(import.meta.dirname, "../../bin/contour");

interface Response {
  readonly resources?: readonly Readonly<Record<string, unknown>>[];
  readonly removedResources?: readonly string[];
}

/** `contour cli` as a process, with the responses that it printed. */
interface Listening {
  readonly responses: readonly Response[];
  /** Ends it as Ctrl-C does; gives its exit code. */
  stop(): Promise<number | null>;
}

function listening(...args: readonly string[]): Listening {
  const child = spawn(contour, ["cli", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const responses: Response[] = [];
  let text = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    text += `${line}\n`;
    if (line !== "}") return;
    responses.push(JSON.parse(text) as Response);
    text = "";
  });
  const ended = new Promise<number | null>((resolve) => void child.once("exit", resolve));
  return { responses, stop: () => (child.kill("SIGINT"), ended) };
}

describe("contour cli", { timeout: 60_000 }, () => {
  let rig: Rig;
  let folder: string;
  let tls: readonly string[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "contour-cli-"));
    const now = Date.now();
    const authority = await createAuthority("CN=test", now);
    const pem = xdsPemFiles(await issueXdsCertificates(authority, { namespace: "projectcontour", days: 1, now }));
    for (const [name, text] of Object.entries(pem)) writeFileSync(join(folder, name), text);
    const file = (name: string): string => join(folder, name);
    rig = await startRig({ tls: { caFile: file("cacert.pem"), certFile: file("contourcert.pem"), keyFile: file("contourkey.pem") } });
    const secret = buildSecret({ name: "shop", certificateChain: pem["envoycert.pem"] ?? "", privateKey: new Sensitive(pem["envoykey.pem"] ?? ""), expiresAt: 0, origin: { kind: "Secret", namespace: "default", name: "shop" } });
    rig.store.apply({ upserts: [clusterOf("web"), endpointsOf("web", 1234), scopeOf("a.test", "web"), { type: secretType, name: "shop", bytes: secret }], removals: [] });
    tls = ["--contour", `127.0.0.1:${rig.server.port}`, "--cafile", file("cacert.pem"), "--cert-file", file("envoycert.pem"), "--key-file", file("envoykey.pem")];
  });
  after(async () => {
    await rig?.server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const first = (listener: Listening): Promise<string> => eventually("a response", async () => (listener.responses[0] === undefined ? undefined : JSON.stringify(listener.responses[0])));

  for (const mode of [[], ["--delta"]]) {
    it(`shows every type as canonical JSON ${mode.join(" ")}`, async () => {
      for (const [service, what] of [["cds", /"name":"web".*"type":"EDS"/], ["eds", /"portValue":1234/], ["srds", /"cluster":"web"/], ["sds", /"name":"shop".*"certificateChain"/]] as const) {
        const listener = listening(service, ...mode, ...tls);
        const text = await first(listener);
        assert.match(text, what);
        assert.match(text, /"@type":"type\.googleapis\.com\/envoy/);
        if (service === "sds") assert.match(text, /"privateKey":\{"inlineString":"\[redacted\]"\}/);
        assert.equal(await listener.stop(), 0);
      }
    });
  }

  it("goes on showing what changes, and asks for names only where they are given", async () => {
    const listener = listening("eds", "web", "--delta", ...tls);
    await first(listener);
    rig.store.apply({ upserts: [endpointsOf("other", 1), endpointsOf("web", 4321)], removals: [] });
    await eventually("the change", async () => (JSON.stringify(listener.responses.at(-1)).includes("4321") ? true : undefined));
    assert.doesNotMatch(JSON.stringify(listener.responses), /"other"/);
    await listener.stop();
  });

  it("ends by itself after the first answer with --once", async () => {
    for (const mode of [[], ["--delta"]]) {
      const { stdout } = await promisify(execFile)(contour, ["cli", "cds", "web", "--once", ...mode, ...tls]);
      assert.match(JSON.stringify(JSON.parse(stdout)), /"name":"web"/);
    }
  });

  it("refuses with --nack", async () => {
    const listener = listening("cds", "--nack", ...tls);
    await eventually("the server hears the refusal", async () => rig.nacks.find(({ name, nodeId }) => name === "web" && nodeId === "ContourCLI"));
    await listener.stop();
  });

  it("says what is wrong", async () => {
    const fails = async (...args: readonly string[]): Promise<string> => promisify(execFile)(contour, ["cli", ...args]).then(() => "", ({ stderr }: { readonly stderr: string }) => stderr);
    assert.match(await fails("cds", "--contour", "127.0.0.1:1"), /127\.0\.0\.1:1: .*ECONNREFUSED/);
    assert.match(await fails("cds", "--cafile", "a"), /belong together/);
    assert.match(await fails("cds", "--contour", `127.0.0.1:${rig.server.port}`), /127\.0\.0\.1/);
  });
});
