import assert from "node:assert/strict";
import { it } from "node:test";
import { Registry } from "prom-client";
import { createCertificateMetrics } from "#metrics/certificates";
import { HttpProxyGauges } from "#metrics/http-proxies";

const series = async (registry: Registry): Promise<readonly string[]> => (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#")).toSorted();

it("counts HTTPProxies by state while this replica leads", async () => {
  const registry = new Registry();
  const gauges = new HttpProxyGauges(registry);
  gauges.set("shop/web", { namespace: "shop", vhost: "shop.example.com", state: "valid" });
  assert.deepEqual(await series(registry), []);
  gauges.setLeading(true);
  gauges.set("shop/part", { namespace: "shop", state: "orphaned" });
  gauges.set("shop/bad", { namespace: "shop", vhost: "bad.example.com", state: "invalid" });
  assert.deepEqual(await series(registry), [
    'contour_httpproxy_invalid{namespace="shop",vhost="bad.example.com"} 1',
    'contour_httpproxy_orphaned{namespace="shop"} 1',
    'contour_httpproxy_root{namespace="shop"} 2',
    'contour_httpproxy_valid{namespace="shop",vhost="shop.example.com"} 1',
    'contour_httpproxy{namespace="shop"} 3',
  ]);
  gauges.set("shop/bad", { namespace: "shop", vhost: "bad.example.com", state: "valid" });
  gauges.set("shop/part", undefined);
  gauges.set("shop/web", undefined);
  assert.deepEqual(await series(registry), [
    'contour_httpproxy_root{namespace="shop"} 1',
    'contour_httpproxy_valid{namespace="shop",vhost="bad.example.com"} 1',
    'contour_httpproxy{namespace="shop"} 1',
  ]);
  gauges.setLeading(false);
  assert.deepEqual(await series(registry), []);
});

it("shows the certificates that end soonest, and no more than it should", async () => {
  const registry = new Registry();
  const served = Array.from({ length: 600 }, (_, i) => ({ secret: `shop/cert-${i}`, expiresAt: (1000 - i) * 1000 }));
  createCertificateMetrics(registry, () => served);
  const lines = await series(registry);
  assert.ok(lines.includes("contour_certificates_served 600"));
  assert.equal(lines.filter((line) => line.startsWith("contour_certificate_expiry")).length, 500);
  assert.ok(lines.includes('contour_certificate_expiry_timestamp_seconds{namespace="shop",name="cert-599"} 401'));
  served.length = 1;
  assert.equal((await series(registry)).length, 2);
});
