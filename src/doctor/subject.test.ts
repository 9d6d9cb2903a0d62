import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSubject, select } from "#doctor/subject";
import type { RoutedView, RouteView } from "#doctor/view";

function parse(text: string): unknown {
  const parsed = parseSubject(text);
  return parsed.ok ? parsed.value : parsed.error;
}

describe("a subject", () => {
  for (const [text, wanted] of [
    ["shop.example.com", { kind: "host", host: "shop.example.com" }],
    ["Shop.Example.com:8080/Cart", { kind: "host", host: "shop.example.com", path: "/Cart" }],
    ["https://shop.example.com", { kind: "host", host: "shop.example.com", scheme: "https", path: "/" }],
    ["http://shop.example.com:8080/cart?x=1#y", { kind: "host", host: "shop.example.com", scheme: "http", path: "/cart" }],
    ["localhost", { kind: "host", host: "localhost" }],
    ["shop/web", { kind: "object", namespace: "shop", name: "web" }],
    ["HTTPProxy/shop/web", { kind: "object", objectKind: "HTTPProxy", namespace: "shop", name: "web" }],
  ] as const) it(`${text} is ${JSON.stringify(wanted)}`, () => assert.deepEqual(parse(text), wanted));

  for (const text of ["", "ftp://shop.example.com", "a/b/c/d", "shop/", "HTTPProxy/shop/"]) it(`${JSON.stringify(text)} is none`, () => assert.equal(parseSubject(text).ok, false));
});

const route = (host: string, path: string, cluster: string, more: Partial<RouteView> = {}): RouteView => ({ fleet: "", scheme: "http", host, path: { kind: "prefix", path, by: "segment" }, conditional: false, origins: [{ kind: "HTTPProxy", namespace: "shop", name: cluster }], clusters: [cluster], ...more });
const view: RoutedView = {
  routes: [route("shop.example.com", "/", "web"), route("shop.example.com", "/cart", "cart"), route("shop.example.com", "/", "secure", { scheme: "https" }), route("*.example.com", "/", "wild"), route("*", "/", "rest")],
  claims: [{ host: "late.example.org", kind: "HTTPProxy", namespace: "shop", name: "late" }],
  clusters: [],
  faults: [{ severity: "error", kind: "HTTPProxy", namespace: "shop", name: "late", field: "spec", reason: "SecretNotValid", message: "" }],
};
const chosen = (...texts: readonly string[]): readonly string[] => select(view, texts.map(parseSubject).flatMap((subject) => (subject.ok ? [subject.value] : []))).routes.flatMap(({ clusters }) => clusters);

describe("what a subject is about", () => {
  it("nothing asked is everything", () => assert.equal(chosen().length, 5));
  it("a host is its routes, on all listeners", () => assert.deepEqual(chosen("shop.example.com"), ["web", "cart", "secure"]));
  it("a URL is the routes of its scheme whose paths cover its own, by whole segments", () => {
    assert.deepEqual(chosen("http://shop.example.com/cart/1"), ["web", "cart"]);
    assert.deepEqual(chosen("http://shop.example.com/carts"), ["web"]);
    assert.deepEqual(chosen("https://shop.example.com/cart"), ["secure"]);
  });
  it("a host that only a wildcard serves is the wildcard's, the nearest one", () => {
    assert.deepEqual(chosen("blog.example.com"), ["wild"]);
    assert.deepEqual(chosen("example.org"), ["rest"]);
  });
  it("an object is the routes that come from it", () => assert.deepEqual(chosen("shop/cart", "httpproxy/shop/web", "Ingress/shop/wild"), ["web", "cart"]));
  it("a host that its object fails to serve leads to what is wrong with the object", () => {
    const { faults } = select({ ...view, routes: view.routes.slice(0, 3) }, [{ kind: "host", host: "late.example.org" }]);
    assert.deepEqual(faults.map(({ name }) => name), ["late"]);
  });
});
