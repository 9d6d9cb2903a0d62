import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../bed/wait.ts";
import { send } from "../envoy/client.ts";
import { RunningContour } from "./session.ts";

const contour = new RunningContour();
const file = (name: string): string => join(contour.folder, "manifests", name);
const statusOf = async (host: string, path = "/"): Promise<number> => (await send({ port: contour.httpPort, host, path })).status;
const proxyText = (name: string, host: string): string => `apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: { name: ${name} }\nspec:\n  virtualhost: { fqdn: ${host} }\n  routes: [{ services: [{ name: shop, port: 80 }] }]\n`;

const answers = (host: string, status: number, path = "/"): Promise<true> => waitFor(async () => (await statusOf(host, path)) === status, { what: `${host}${path} answers ${status}`, timeoutMs: 10_000, intervalMs: 5 });

describe("contour run", () => {
  before(() => contour.start(new URL("../../examples/quickstart", import.meta.url).pathname));
  after(async () => {
    await contour.interrupt();
    contour.cleanUp();
  });

  it("prints curl lines that work, over HTTP and HTTPS", async () => {
    const state = await contour.state("routes", ({ routes }) => routes.length >= 4);
    const lines = state.routes.flatMap(({ curl }) => curl ?? []);
    assert.ok(lines.some((line) => line.includes("https://")) && lines.some((line) => line.includes("http://")), lines.join("\n"));
    for (const line of lines) {
      const code = await waitFor(() => {
        const got = execFileSync("sh", ["-c", `CA=${state.ca}; ${line} -s -o /dev/null -w '%{http_code}'`], { encoding: "utf8" });
        return got === "000" ? undefined : got;
      }, { what: line, timeoutMs: 10_000, intervalMs: 50 });
      assert.match(code, /^(200|301)$/, line);
    }
  });

  it("serves a new route when a file is saved", async (t) => {
    assert.equal(await statusOf("new.localhost"), 404);
    const started = performance.now();
    writeFileSync(file("new.yaml"), proxyText("new", "new.localhost"));
    await answers("new.localhost", 200);
    t.diagnostic(`saved → 200: ${Math.round(performance.now() - started)} ms`);
    const state = await contour.state("the new route", ({ routes }) => routes.some(({ url }) => url.includes("new.localhost")));
    assert.deepEqual(state.problems, []);
  });

  it("goes on with the last good configuration when a file breaks, and says where", async () => {
    const good = readFileSync(file("new.yaml"), "utf8");
    writeFileSync(file("new.yaml"), good.replace("routes: [{ services", "routes: [{ servces"));
    const state = await contour.state("the problem", ({ problems }) => problems.length > 0);
    const [problem] = state.problems;
    assert.deepEqual([problem?.file?.endsWith("new.yaml"), problem?.line, problem?.column, problem?.message], [true, 6, 14, 'unknown field spec.routes[0].servces; did you mean "services"?']);
    assert.equal(await statusOf("new.localhost"), 200);
    writeFileSync(file("new.yaml"), "apiVersion: projectcontour.io/v1\nkind: [");
    await contour.state("the other problem", ({ problems }) => problems.some(({ line }) => line === 2));
    assert.equal(await statusOf("new.localhost"), 200);
    writeFileSync(file("new.yaml"), good);
    await contour.state("no problem", ({ problems }) => problems.length === 0);
  });

  it("does not drop routes while a file is being written in pieces", async () => {
    const text = proxyText("new", "new.localhost");
    const seen = new Set<number>();
    let writing = true;
    const asking = (async () => {
      while (writing) seen.add(await statusOf("new.localhost"));
    })();
    for (let round = 0; round < 5; round += 1) {
      writeFileSync(file("new.yaml"), "");
      for (const piece of text.match(/[\s\S]{1,40}/g) ?? []) {
        appendFileSync(file("new.yaml"), piece);
        seen.add(await statusOf("new.localhost"));
      }
    }
    writeFileSync(file("part.tmp"), text);
    renameSync(file("part.tmp"), file("new.yaml"));
    writeFileSync(file("mark.yaml"), proxyText("mark", "mark.localhost"));
    await answers("mark.localhost", 200);
    writing = false;
    await asking;
    assert.deepEqual([...seen], [200]);
  });

  it("takes the routes of a deleted file away, and of nothing else", async () => {
    rmSync(file("new.yaml"));
    await answers("new.localhost", 404);
    assert.equal(await statusOf("mark.localhost"), 200);
  });

  it("an Envoy that dies is started again", async () => {
    const envoys = childrenOf(contour.pid).filter(({ command }) => command.includes("envoy"));
    assert.equal(envoys.length, 1);
    process.kill(envoys[0]?.pid ?? 0, "SIGKILL");
    await waitFor(async () => childrenOf(contour.pid).some(({ pid, command }) => command.includes("envoy") && pid !== envoys[0]?.pid), { what: "another Envoy", timeoutMs: 10_000 });
    await waitFor(async () => (await statusOf("mark.localhost")) === 200, { what: "it serves", timeoutMs: 10_000 });
  });

  it("ends with Ctrl-C, and everything that it started ends, too", async () => {
    const children = childrenOf(contour.pid);
    assert.ok(children.length >= 2, JSON.stringify(children));
    assert.equal(await contour.interrupt(), 0, contour.errors);
    assert.equal(contour.errors, "");
    await waitFor(() => children.every(({ pid }) => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")), { what: `the ends of ${JSON.stringify(children)}`, timeoutMs: 5000 });
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect(contour.httpPort, "127.0.0.1", () => resolve(false));
      socket.on("error", () => resolve(true));
    });
    assert.ok(refused, "the port is free again");
  });
});

describe("contour run, wrongly called", () => {
  const run = (...args: readonly string[]): { readonly code: number; readonly text: string } => {
    try {
      return { code: 0, text: execFileSync(join(import.meta.dirname, "../../bin/contour"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }) };
    } catch (error) {
      const failed = error as { readonly status: number; readonly stderr: string };
      return { code: failed.status, text: failed.stderr };
    }
  };
  it("names what does not exist", () => {
    const { code, text } = run("run", "no-such-folder");
    assert.deepEqual([code, text.includes("no-such-folder"), text.includes("    at ")], [3, true, false], text);
  });
  it("says that a port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const { code, text } = await new Promise<{ readonly code: number; readonly text: string }>((resolve) => {
      execFile(join(import.meta.dirname, "../../bin/contour"), ["run", "--http-port", String(port)], (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), text: stderr }));
    });
    taken.close();
    assert.equal(code, 3);
    assert.ok(text.includes(`127.0.0.1:${port} is in use by another program; choose another port with --http-port`), text);
  });
  it("explains unknown options and commands", () => {
    assert.deepEqual(run("run", "--htpp-port", "1").code, 2);
    assert.match(run("run", "--htpp-port", "1").text, /Did you mean --http-port/);
    assert.equal(run("serv").code, 2);
    assert.match(run("run", "--http-port", "99999").text, /99999/);
  });
});

function childrenOf(pid: number): readonly { readonly pid: number; readonly command: string }[] {
  const direct = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter((text) => text !== "").map(Number);
  return direct.flatMap((child) => [{ pid: child, command: readFileSync(`/proc/${child}/cmdline`, "utf8").replaceAll("\0", " ") }, ...childrenOf(child)]);
}

describe("contour run with a ContourConfiguration among the manifests", () => {
  const configured = new RunningContour();
  const configuration = (value: string): string => `apiVersion: projectcontour.io/v1alpha1\nkind: ContourConfiguration\nmetadata: { name: contour }\nspec: { policy: { responseHeaders: { set: { X-Configured: "${value}" } } } }\n`;
  after(async () => {
    await configured.interrupt();
    configured.cleanUp();
  });

  it("uses it, goes over to what is written anew, and keeps the last good one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "contour-configured-"));
    cpSync(new URL("../../examples/policies", import.meta.url).pathname, folder, { recursive: true });
    writeFileSync(join(folder, "configuration.yaml"), configuration("yes"));
    await configured.start(folder);
    rmSync(folder, { recursive: true });
    const header = async (): Promise<unknown> => (await send({ port: configured.httpPort, host: "shop.localhost" })).headers["x-configured"];
    await waitFor(async () => (await header()) === "yes", { what: "the configured header", timeoutMs: 10_000, intervalMs: 10 });
    writeFileSync(join(configured.folder, "manifests", "configuration.yaml"), configuration("no"));
    await waitFor(async () => (await header()) === "no", { what: "the new header", timeoutMs: 10_000, intervalMs: 10 });
    writeFileSync(join(configured.folder, "manifests", "configuration.yaml"), configuration("never").replace("spec: {", "spec: { envoy: { timeouts: { requestTimeout: soon } },"));
    await waitFor(() => /"field":"spec.envoy.timeouts.requestTimeout".*"line":4/.test(JSON.stringify(configured.states.at(-1)?.problems)), { what: "the field that is wrong", timeoutMs: 10_000, intervalMs: 10 });
    assert.equal(await header(), "no");
  });
});
