import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scopeName, scopeResourceName, virtualHostName, wildScopeName } from "#envoy/names";
import { hashName } from "#lib/hash-name";

describe("names of Envoy's resources", () => {
  it("a scope is named as its key, and no host has the name of the wildcard scope", () => {
    assert.equal(scopeName("ingress_http", "a.example.com"), "ingress_http|a.example.com");
    assert.equal(wildScopeName("ingress_http"), "ingress_http|*");
  });

  it("a long scope has a short name in xDS, which begins like its host and is no other's", () => {
    assert.equal(scopeResourceName("ingress_http|*"), "ingress_http|*");
    const name = scopeResourceName("ingress_https|shop.example.com");
    assert.match(name, /^shop\.exam~[\w-]{12}$/);
    assert.notEqual(name, scopeResourceName("ingress_http|shop.example.com"));
    assert.equal(scopeResourceName(name), name);
  });

  it("short names stay as they are", () => {
    assert.equal(hashName("default", "kuard", "80"), "default/kuard/80");
    assert.equal(virtualHostName("*.example.com"), "*.example.com");
  });

  it("long names are shortened from the last part, and marked by the whole", () => {
    const long = hashName("default", "a-service-with-quite-a-long-name-for-a-service", "8080", "da39a3ee5e");
    assert.match(long, /^default\/a-servic-[0-9a-f]{6}\/8080\/da39a3ee5e$/);
    assert.notEqual(long, hashName("default", "a-service-with-quite-a-long-name-for-a-servicf", "8080", "da39a3ee5e"));
  });

  it("a single long part is shorter than the limit, too", () => {
    const name = virtualHostName(`${"x".repeat(80)}.example.com`);
    assert.ok(name.length <= 60);
    assert.match(name, /^[0-9a-f]{60}$|^x+-[0-9a-f]{6}$/);
  });
});
