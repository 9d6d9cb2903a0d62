import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";
import type { RunningProcess } from "../bed/process.ts";
import { contourCrds, gatewayCrds, objectsOf, startController } from "../kubernetes/serving.ts";
import type { Pod } from "./network.ts";

/** A real API server and `contour serve`, for all wirings one after the other. */
export interface ControlPlane {
  readonly api: ApiServer;
  readonly apiPort: number;
  readonly xdsPort: number;
  readonly controller: RunningProcess;
  stop(): Promise<void>;
}

const text = readFileSync(join(import.meta.dirname, "objects.yaml"), "utf8");

/** Starts both, with the routes that all wirings are checked by. */
export async function startControlPlane(): Promise<ControlPlane> {
  const api = await startApiServer();
  try {
    await api.apply([...contourCrds(), ...gatewayCrds(), ...objectsOf(text)]);
    // There is no load balancer here, without whose address no Gateway would be Programmed.
    const { process: controller, xdsPort } = await startController(api, "--disable-leader-election", "--contour-config-name", "contour", "--ingress-status-address", "192.0.2.1");
    const stop = async (): Promise<void> => {
      await controller.stop();
      await api.stop();
    };
    return { api, apiPort: Number(new URL(api.url).port), xdsPort, controller, stop };
  } catch (error) {
    await api.stop();
    throw error;
  }
}

/** Says what the endpoint controller of a cluster would: which pods are ready behind a Service. */
export async function setEndpoints({ api }: Pick<ControlPlane, "api">, service: string, pods: readonly Pod[], family: "v4" | "v6" = "v4", port = 8080): Promise<void> {
  const addresses = pods.flatMap((pod) => { const address = pod[family]; return address === undefined ? [] : [{ pod, address }]; });
  const slice: TestObject = {
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
    metadata: { name: `${service}-${family}`, namespace: "shop", labels: { "kubernetes.io/service-name": service } },
    addressType: family === "v4" ? "IPv4" : "IPv6",
    endpoints: addresses.map(({ pod, address }) => ({ addresses: [address], conditions: { ready: true }, nodeName: pod.node, targetRef: { kind: "Pod", name: pod.name, namespace: pod.namespace } })),
    ports: [{ name: "", port, protocol: "TCP" }],
  };
  await api.apply([slice]);
}

/** A kubeconfig that reaches the API server at another address. */
export function kubeconfigFor({ api }: ControlPlane, server: string, path: string): string {
  writeFileSync(path, readFileSync(api.kubeconfigPath, "utf8").replace(api.url, server));
  return path;
}
