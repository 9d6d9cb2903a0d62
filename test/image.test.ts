import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { contourContents } from "../tools/image/contents.ts";
import { billOfMaterials } from "../tools/image/sbom.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("the controller's image", () => {
  const files = contourContents().entries.map(({ from }) => relative(root, from));
  const own = files.filter((path) => !path.startsWith("node_modules/"));
  const dockerfile = read("deploy/image/Dockerfile");

  it("is built of files that its recipe copies and its ignore file lets through", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
    const sent = read("deploy/image/Dockerfile.dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    assert.deepEqual(copied.toSorted(), sent.toSorted());
    assert.deepEqual(own.filter((path) => !copied.some((folder) => path === folder || path.startsWith(`${folder}/`))), []);
  });

  it("runs as nobody, with nothing below it", () => {
    assert.match(dockerfile, /^FROM scratch$/m);
    assert.match(dockerfile, /^USER 65534:65534$/m);
  });

  it("has the packages that its bill of materials names, and no other", () => {
    const bill = JSON.parse(billOfMaterials()) as { readonly components: readonly { readonly name: string }[] };
    const named = new Set(bill.components.map(({ name }) => name));
    const inside = files.filter((path) => path.startsWith("node_modules/")).map((path) => path.slice("node_modules/".length));
    // Node itself is a program of the image, not a package.
    assert.deepEqual(new Set(inside), new Set([...named].filter((name) => !/^node-(linux-x64|linux-arm64|bin-setup)$/.test(name))));
    assert.ok([...named].some((name) => name.startsWith("node-linux-")));
  });
});
