import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../bed/free-port.ts";
import { startProcess } from "../bed/process.ts";
import type { RunningProcess } from "../bed/process.ts";
import { waitFor } from "../bed/wait.ts";

const contour = join(import.meta.dirname, "../../bin/contour");

const manifests = (web: number, nobody: number): string => `
apiVersion: v1
kind: Service
metadata: { name: web, annotations: { run.projectcontour.io/backend: "127.0.0.1:${web}" } }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: refused, annotations: { run.projectcontour.io/backend: "127.0.0.1:${nobody}" } }
spec: { ports: [{ port: 80 }] }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: web }
spec: { virtualhost: { fqdn: web.example.com, tls: { secretName: made-by-run } }, routes: [{ services: [{ name: web, port: 80 }] }] }
---
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: { name: ill }
spec:
  virtualhost: { fqdn: ill.example.com }
  routes:
  - { services: [{ name: refused, port: 80 }] }
  - { conditions: [{ prefix: /port }], services: [{ name: web, port: 81 }] }
`;

interface Answer {
  readonly code: number | null;
  readonly out: string;
}

describe("contour doctor beside contour run", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "doctor-run-test-"));
  // Runs of others on this machine are none of this test's business.
  const env = { ...process.env, TMPDIR: folder, HOME: folder, KUBECONFIG: join(folder, "none") };
  let backend: Server;
  let run: RunningProcess;
  before(async () => {
    backend = createServer((_request, response) => void response.end("well\n"));
    backend.listen(0, "127.0.0.1");
    await once(backend, "listening");
    const [nobody = 0, http = 0, https = 0] = await freePorts(3);
    writeFileSync(join(folder, "all.yaml"), manifests((backend.address() as AddressInfo).port, nobody));
    run = startProcess({ name: "run", command: contour, args: ["run", "--http-port", String(http), "--https-port", String(https), join(folder, "all.yaml")], logPath: join(folder, "run.log"), env: { TMPDIR: folder, XDG_DATA_HOME: join(folder, "data") } });
    await waitFor(async () => (await doctor("--run", "--probe", "none", "web.example.com")).code === 0, { what: "the run can be asked", timeoutMs: 60_000 });
  });
  after(async () => {
    await run?.stop();
    backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const doctor = async (...args: readonly string[]): Promise<Answer> => {
    const child = spawn(contour, ["doctor", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", (line) => lines.push(line));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out: lines.join("\n") };
  };

  it("finds nothing wrong with a host that works, whose certificate the run has made", async () => {
    const { code, out } = await waitFor(async () => {
      const answer = await doctor("https://web.example.com/");
      return answer.code === 0 && answer;
    }, { what: "the host is healthy", timeoutMs: 30_000 });
    assert.equal(code, 0);
    assert.match(out, /envoy +of contour run \(pid \d+\): host network, 1 endpoint,/);
    assert.match(out, /^1 route, 1 backend, 1 Envoy: nothing is wrong$/m);
  });

  it("finds what is wrong, with the place in the file", async () => {
    const { code, out } = await doctor("default/ill");
    assert.equal(code, 1, out);
    assert.match(out, /^error +refused: HTTPProxy default\/ill spec\.routes\[0\]\.services\[0\], Service default\/refused:80, 127\.0\.0\.1:\d+, from Envoy of contour run/m);
    assert.match(out, /^error +service-unresolved: HTTPProxy default\/ill spec\.routes\[1\]\.services\[0\] \(.*all\.yaml:\d+:\d+\): Service "web" has no port 81/m);
    assert.match(out, /2 errors, 0 warnings$/m);
  });

  it("sends nothing where objects alone are asked about", async () => {
    const { code, out } = await doctor("--probe", "none", "--output", "json", "default/ill");
    const { findings } = JSON.parse(out) as { readonly findings: readonly { readonly id: string }[] };
    assert.deepEqual([code, findings.map(({ id }) => id)], [1, ["service-unresolved"]]);
  });

  it("says what it does not understand, and that it cannot look", async () => {
    assert.equal((await doctor("ftp://web.example.com")).code, 2);
    assert.equal((await doctor("--probe", "everything")).code, 2);
    const { code, out } = await doctor("--run-pid", "1");
    assert.deepEqual([code, out], [3, "contour doctor: no contour run of this user is there; start one: contour run DIR"]);
  });
});
