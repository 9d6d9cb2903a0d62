import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Cluster, startCluster } from "../bed/cluster.ts";
import type { TestObject } from "../bed/kube-client.ts";
import { contourImage } from "../bed/product-image.ts";
import { waitFor } from "../bed/wait.ts";

const echo: TestObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "echo", namespace: "default" },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "echo" } },
    template: {
      metadata: { labels: { app: "echo" } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{
          name: "echo",
          image: "test.local/echo-basic:latest",
          imagePullPolicy: "Never",
          env: ["NAMESPACE", "POD_NAME"].map((name) => ({ name, valueFrom: { fieldRef: { fieldPath: name === "NAMESPACE" ? "metadata.namespace" : "metadata.name" } } })),
          readinessProbe: { tcpSocket: { port: 3000 }, periodSeconds: 1 },
        }],
      },
    },
  },
};

const service: TestObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "echo", namespace: "default" },
  spec: { type: "LoadBalancer", selector: { app: "echo" }, ports: [{ port: 80, targetPort: 3000 }] },
};

const help: TestObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "help", namespace: "default" },
  spec: { restartPolicy: "Never", containers: [{ name: "contour", image: "test.local/contour:latest", imagePullPolicy: "Never", args: ["--help"] }] },
};

interface ServiceWithAddresses {
  readonly spec: { readonly clusterIP: string };
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } };
}

describe("the test cluster", { timeout: 300_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
    await cluster.apply([echo, service]);
    await cluster.untilRolledOut(echo);
  });
  after(async () => await cluster?.stop());

  const answeredBy = async (address: string): Promise<string> => {
    const answer = await waitFor(() => cluster.fetch(`http://${address}/hello`), { what: `${address} answers` });
    assert.equal(answer.status, 200);
    return (JSON.parse(answer.body) as { readonly pod: string }).pod;
  };

  it("runs pods that answer through the Service's cluster address", async () => {
    const { spec } = await cluster.get<ServiceWithAddresses>(await cluster.pathOf(service));
    assert.match(await answeredBy(spec.clusterIP), /^echo-/);
  });

  it("gives a Service of type LoadBalancer an address that leads to the pods", async () => {
    const address = await waitFor(async () => {
      const { status } = await cluster.get<ServiceWithAddresses>(await cluster.pathOf(service));
      return status.loadBalancer.ingress?.[0]?.ip;
    }, { what: "the Service has an address" });
    assert.match(await answeredBy(address), /^echo-/);
  });

  it("runs this project's own image", async () => {
    await cluster.importImage(contourImage());
    await cluster.apply([help]);
    const path = await cluster.pathOf(help);
    const phase = await waitFor(async () => {
      const { status } = await cluster.get<{ readonly status: { readonly phase: string } }>(path);
      return ["Succeeded", "Failed"].includes(status.phase) && status.phase;
    }, { what: "the pod ends", timeoutMs: 60_000 });
    assert.match(await cluster.kubectl("logs", "help"), /Usage: contour/i);
    assert.equal(phase, "Succeeded");
  });
});
