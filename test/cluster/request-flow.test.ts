import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Cluster } from "../bed/cluster.ts";
import { startCluster } from "../bed/cluster.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { waitFor } from "../bed/wait.ts";
import { importProduct } from "./product.ts";
import { Reader } from "./reader.ts";

const address = String.raw`\d+\.\d+\.\d+\.\d+`;

describe("docs/REQUEST_FLOW.md on a real cluster", { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let reader: Reader;

  before(async () => {
    cluster = await startCluster();
    await importProduct(cluster);
    reader = new Reader(cluster, "docs/REQUEST_FLOW.md");
    await cluster.kubectl("apply", "--server-side", "-f", join(reader.checkout, "deploy/render/contour.yaml"));
    await cluster.untilRolledOut({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "contour", namespace: "projectcontour" } }, 180_000);
    await cluster.untilRolledOut({ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "envoy", namespace: "projectcontour" } }, 180_000);
    await cluster.kubectl("apply", "-f", join(reader.checkout, "examples/operations/shop.yaml"));
    await cluster.untilRolledOut({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "shop", namespace: "default" } }, 120_000);
    await cluster.kubectl("wait", "--for=jsonpath={.status.currentStatus}=valid", "httpproxy/shop", "--timeout=60s");
  });
  after(async () => {
    reader?.close();
    await cluster?.stop();
  });

  it("finds the parts of the path", async () => {
    await reader.run("Choose a request");
    for (const name of ["NODE_IP", "ENVOY_IP", "POD_IP"]) assert.match(reader.variable(name), new RegExp(`^${address}$`), name);
  });

  it("shows the way in, and goes it", async () => {
    const printed = await reader.run("Client to node");
    assert.match(printed, new RegExp(`^${reader.variable("ENVOY_IP")} ${reader.variable("ENVOY")} on \\S+, ready: true$`, "m"));
    assert.match(printed, /^hello from shop-/m);
  });

  it("shows who carries it to Envoy, and the connection with both addresses", async () => {
    const printed = await reader.run("Node to Envoy");
    assert.match(printed, /CNI-HOSTPORT-DNAT/);
    assert.match(printed, /projectcontour\/envoy\/tcp\/http/);
    assert.match(printed, new RegExp(`dst=${reader.variable("NODE_IP")} sport=\\d+ dport=80 src=${reader.variable("ENVOY_IP")}`));
  });

  it("shows listener, scope, cluster and endpoints in Envoy", async () => {
    const printed = await reader.run("Inside Envoy");
    assert.match(printed, /^ingress_http::0\.0\.0\.0:8080$/m);
    assert.match(printed, /"cluster": "default\/shop\/80\/\w+"/);
    assert.match(printed, new RegExp(`^default/shop/80/\\w+::${reader.variable("POD_IP")}:3000::health_flags::healthy$`, "m"));
    assert.match(printed, /^default\/shop\/80\/.*::priority::0$/m);
    assert.match(printed, /^cluster\.default_shop_80\.upstream_rq_2xx: [1-9]/m);
  });

  it("shows what the controller made of the objects, and for whom", async () => {
    const printed = await reader.run("Where Envoy has it from");
    assert.match(printed, /"host": "shop\.example\.com"/);
    assert.match(printed, new RegExp(`"node": "${reader.variable("ENVOY")}"`));
    assert.match(printed, /"place": \{\s+"node": "bed-node"/, "the node of Envoy is known, without a right to read Nodes");
    assert.match(printed, new RegExp(`"clusterName": "default/shop"[^]*"address": "${reader.variable("POD_IP")}"`));
    assert.match(printed, /httpproxy\.projectcontour\.io\/shop/);
  });

  it("shows the network between Envoy and the pod", async () => {
    const printed = await reader.run("Envoy to pod");
    assert.match(printed, new RegExp(`^eth0 ${reader.variable("ENVOY_IP")}/\\d+ MTU \\d+$`, "m"));
    assert.match(printed, new RegExp(`^${reader.variable("POD_IP")} dev cni0 `, "m"));
    assert.match(printed, /cni0: .* mtu 1500/);
    assert.match(printed, new RegExp(`src=${reader.variable("ENVOY_IP")} dst=${address} sport=\\d+ dport=3000`));
  });

  it("finds the request in the log, and nothing that is wrong", async () => {
    const printed = await reader.run("The pod, and back");
    assert.match(printed, new RegExp(`"GET / HTTP/1\\.1" 200 - .*"follow-me" "shop\\.example\\.com" "${address}:3000"`));
    assert.match(printed, /nothing is wrong/);
  });

  it("prefers what is near as soon as the Service asks for it", async () => {
    await cluster.kubectl("patch", "service", "shop", "--patch", '{"spec":{"trafficDistribution":"PreferSameNode"}}');
    // An endpoint for another node, of which there is none here.
    await cluster.apply([{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: "shop-far", namespace: "default", labels: { "kubernetes.io/service-name": "shop" } }, addressType: "IPv4", ports: [{ name: "", port: 3000, protocol: "TCP" }], endpoints: [{ addresses: ["10.244.9.9"], conditions: { ready: true }, nodeName: "far", hints: { forNodes: [{ name: "far" }] } }] } as TestObject]);
    const near = new RegExp(`::${reader.variable("POD_IP")}:3000::priority::0$`, "m");
    await waitFor(async () => {
      const clusters = await cluster.kubectl("-n", "projectcontour", "exec", reader.variable("ENVOY"), "-c", "shutdown-manager", "--", "contour", "envoy", "admin", "/clusters");
      return near.test(clusters) && /::10\.244\.9\.9:3000::priority::1$/m.test(clusters);
    }, { what: "the endpoint of another node comes second", timeoutMs: 60_000 });
  });
});
