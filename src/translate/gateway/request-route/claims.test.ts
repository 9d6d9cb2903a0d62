import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { World, basics, gateway, plain, route } from "#translate/gateway/test-world";

const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;
const http = (name: string, host: string, created: number): KubeObject => route(`shop/${name}`, { hostnames: [host], rules: [{ backendRefs: [{ name: "a", port: 80 }] }] }, at(created));
const grpc = (name: string, host: string, created: number): KubeObject => ({ ...http(name, host, created), kind: "GRPCRoute" });
const accepted = (world: World, kind: string, name: string): string => {
  const [parent] = world.status(kind, `shop/${name}`)["parents"] as readonly { readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[] }[];
  return (parent?.conditions ?? []).filter(({ type }) => type === "Accepted").map(({ status, reason }) => `${status} ${reason}`).join();
};

describe("an HTTPRoute and a GRPCRoute for one host", () => {
  const world = (...routes: readonly KubeObject[]): World => new World([...basics(), gateway([plain]), ...routes]);
  it("the older one is accepted, whatever comes first", () => {
    for (const routes of [[http("web", "shop.example", 1), grpc("calls", "shop.example", 2)], [grpc("calls", "shop.example", 2), http("web", "shop.example", 1)]]) {
      const one = world(...routes);
      assert.equal(accepted(one, "HTTPRoute", "web"), "True Accepted");
      assert.equal(accepted(one, "GRPCRoute", "calls"), "False HostnameConflict");
      assert.equal(one.listener("http").attached, 1);
      one.remove(http("web", "shop.example", 1));
      assert.equal(accepted(one, "GRPCRoute", "calls"), "True Accepted");
    }
  });
  it("of equal age the first by name is accepted, and a wildcard is a conflict, too", () => {
    const one = world(http("b", "*.example", 1), grpc("a", "shop.example", 1));
    assert.equal(accepted(one, "HTTPRoute", "b"), "False HostnameConflict");
    assert.equal(accepted(one, "GRPCRoute", "a"), "True Accepted");
  });
  it("other hosts are no conflict", () => {
    const one = world(http("web", "shop.example", 1), grpc("calls", "calls.example", 2));
    assert.deepEqual([accepted(one, "HTTPRoute", "web"), accepted(one, "GRPCRoute", "calls")], ["True Accepted", "True Accepted"]);
  });
  it("one that has lost is in nobody's way", () => {
    const one = world(http("first", "shop.example", 1), grpc("second", "*.example", 2), http("third", "third.example", 3));
    assert.deepEqual([accepted(one, "GRPCRoute", "second"), accepted(one, "HTTPRoute", "third")], ["False HostnameConflict", "True Accepted"]);
  });
  it("a wildcard meets an older, narrower one of the other kind", () => {
    const one = world(http("web", "shop.eu.example", 1), grpc("calls", "*.example", 2));
    assert.equal(accepted(one, "GRPCRoute", "calls"), "False HostnameConflict");
  });
  it("one more looks at no route of other hosts", () => {
    const many = (count: number): World => world(...Array.from({ length: count }, (_, i) => http(`web-${i}`, `host-${i}.example`, 1)));
    assert.equal(many(50).put(grpc("calls", "calls.example", 2)), many(5).put(grpc("calls", "calls.example", 2)));
  });
});
