import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";

const src = new URL("../src/", import.meta.url).pathname;

/** Who may import whom, by the first folder under src. A room may always import itself. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  gen: ["k8s/object"],
  model: ["lib"],
  k8s: ["lib", "gen/k8s"],
  settings: ["lib", "k8s/object", "gen/k8s"],
  metrics: ["lib"],
  conditions: ["k8s", "lib"],
  store: ["k8s", "lib"],
  sources: ["store", "k8s", "lib", "metrics", "acme/record"],
  translate: ["store", "k8s", "gen/k8s", "model", "conditions", "settings", "lib", "acme/record"],
  acme: ["lib", "certs/authority", "certs/keys", "certs/succession", "k8s", "gen/k8s", "settings", "sources/kubernetes", "translate/certificates/request", "translate/certificates/solver"],
  envoy: ["model", "gen/envoy", "settings", "lib"],
  xds: ["gen/envoy", "lib", "metrics"],
  status: ["conditions", "store", "k8s", "settings", "lib", "metrics", "sources/kubernetes"],
  certs: ["conditions", "store", "k8s", "settings", "lib"],
  provision: ["k8s/object", "gen/k8s", "settings", "lib", "envoy/bootstrap", "envoy/bootstrap-secrets", "translate/gateway/fleet-plan"],
  doctor: ["lib", "model", "k8s/object"],
  app: ["lib", "gen", "model", "k8s", "settings", "metrics", "conditions", "store", "sources", "translate", "envoy", "xds", "status", "certs", "provision", "acme", "doctor"],
  cli: ["lib", "app", "certs", "settings", "k8s", "sources", "envoy", "doctor"],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

function sourceFiles(): readonly string[] {
  return readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
}

/** Every import of a file by its path under src, also of types and of modules loaded late. Tests may reach further. */
function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from\s+|import\(\s*|import\s+)"([^"]+)"/g)].map((match) => match[1] ?? "");
  const room = file.split("/")[0] ?? "";
  return specifiers.flatMap((specifier) => {
    if (specifier.startsWith("#")) return [{ file, room, target: specifier.slice(1) }];
    if (specifier.startsWith(".")) return [{ file, room, target: relative(src, join(src, file, "..", specifier)) }];
    return [];
  });
}

function allowed({ room, target }: Import): boolean {
  return target.startsWith(`${room}/`) || (rooms[room] ?? []).some((path) => target === path || target.startsWith(`${path}/`));
}

describe("the rooms of the pipeline", () => {
  const files = sourceFiles().filter((file) => !file.endsWith(".test.ts"));
  it("import only what the table allows", () => {
    const broken = files.flatMap(importsOf).filter((found) => !allowed(found));
    assert.deepEqual(broken.map(({ file, target }) => `${file} imports ${target}`), []);
  });
  it("are all in the table", () => {
    assert.deepEqual([...new Set(files.map((file) => file.split("/")[0] ?? ""))].filter((room) => rooms[room] === undefined), []);
  });
  it("each say in a README what they take and give", () => {
    const missing = Object.keys(rooms).filter((room) => room !== "gen" && files.some((file) => file.startsWith(`${room}/`)) && !readdirSync(join(src, room)).includes("README.md"));
    assert.deepEqual(missing, []);
  });
  it("have no file that only re-exports others", () => {
    const barrels = files.filter((file) => !file.startsWith("gen/") && /(^|\/)index\.ts$/.test(file));
    assert.deepEqual(barrels, []);
  });
  it("use no any and silence no compiler error", () => {
    const found = files.filter((file) => !file.startsWith("gen/") && /(: any\b|as any\b|<any>|@ts-ignore|@ts-nocheck|@ts-expect-error)/.test(readFileSync(join(src, file), "utf8")));
    assert.deepEqual(found, []);
  });
});
