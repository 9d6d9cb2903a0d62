import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ok } from "#lib/result";
import { followText } from "#sources/file/follow-text";

const folder = mkdtempSync(join(tmpdir(), "follow-text-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Follows a file; each call of `next` waits for the text that comes then. */
function follow(path: string, known: string) {
  const stop = new AbortController();
  const heard: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  followText(path, ok(known), stop.signal, (text) => {
    const told = text.ok ? text.value : "unreadable";
    const resolve = waiting.shift();
    if (resolve === undefined) heard.push(told);
    else resolve(told);
  });
  const keepAlive = setInterval(() => {}, 1000);
  stop.signal.addEventListener("abort", () => clearInterval(keepAlive));
  const next = (): Promise<string> => new Promise((resolve) => (heard.length > 0 ? resolve(heard.shift() ?? "") : void waiting.push(resolve)));
  return { next, stop: () => stop.abort() };
}

describe("a file that is followed", { timeout: 20_000 }, () => {
  it("is told when it is written anew, gone, and back", async () => {
    const path = join(folder, "plain.yaml");
    writeFileSync(path, "a: 1\n");
    const { next, stop } = follow(path, "a: 1\n");
    writeFileSync(path, "a: 2\n");
    assert.equal(await next(), "a: 2\n");
    rmSync(path);
    assert.equal(await next(), "unreadable");
    writeFileSync(path, "a: 2\n");
    assert.equal(await next(), "a: 2\n");
    stop();
  });

  it("is told when the link of a mounted ConfigMap goes elsewhere", async () => {
    const mount = join(folder, "config");
    const version = (name: string, text: string): void => {
      mkdirSync(join(mount, name), { recursive: true });
      writeFileSync(join(mount, name, "contour.yaml"), text);
      symlinkSync(name, join(mount, "..data_tmp"));
      renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    version("..1", "a: 1\n");
    symlinkSync("..data/contour.yaml", join(mount, "contour.yaml"));
    const { next, stop } = follow(join(mount, "contour.yaml"), "a: 1\n");
    for (const i of [2, 3]) {
      version(`..${i}`, `a: ${i}\n`);
      assert.equal(await next(), `a: ${i}\n`);
    }
    stop();
  });

  it("is told when it changed before it was looked at", async () => {
    const path = join(folder, "early.yaml");
    writeFileSync(path, "a: 2\n");
    const { next, stop } = follow(path, "a: 1\n");
    assert.equal(await next(), "a: 2\n");
    stop();
  });
});
