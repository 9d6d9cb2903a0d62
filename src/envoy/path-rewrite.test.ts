import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { envoyPathRewrite } from "#envoy/path-rewrite";
import type { PathMatch, PathRewrite } from "#model/route";

const segment = (path: string): PathMatch => ({ kind: "prefix", path, by: "segment" });
const text = (path: string): PathMatch => ({ kind: "prefix", path, by: "string" });

function rewritten(match: PathMatch, rewrite: PathRewrite): string {
  const result = envoyPathRewrite(match, rewrite);
  return result.kind === "prefix" ? result.prefix : `${result.rewrite.pattern?.regex} → ${result.rewrite.substitution}`;
}

describe("rewrites of paths", () => {
  const cases: readonly (readonly [string, PathMatch, PathRewrite, string])[] = [
    ["a prefix by text is replaced as it is", text("/a/"), { kind: "prefix", prefix: "/" }, "/"],
    ["segments are replaced by segments", segment("/a/"), { kind: "prefix", prefix: "/b/" }, "/b"],
    ["segments are taken away with the slash after them", segment("/a.b"), { kind: "prefix", prefix: "/" }, "^/a\\.b/* → /"],
    ["everything is put under a prefix", segment("/"), { kind: "prefix", prefix: "/b" }, "/b/"],
    ["a backslash in a path is no group", text("/"), { kind: "full", path: "/\\1" }, "^/.*$ → /\\\\1"],
    ["a regular expression is used as it is", text("/"), { kind: "regex", pattern: "^/(.*)$", substitution: "/x/\\1" }, "^/(.*)$ → /x/\\1"],
  ];
  for (const [name, match, rewrite, expected] of cases) it(name, () => assert.equal(rewritten(match, rewrite), expected));
});
