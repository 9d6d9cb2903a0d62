import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { testbedFolder } from "../test/bed/cache.ts";
import type { Cluster } from "../test/bed/cluster.ts";
import type { ImageWish } from "../test/bed/image.ts";
import type { TestObject } from "../test/bed/kube-client.ts";
import { contourImage, envoyImage } from "../test/bed/product-image.ts";
import { waitFor } from "../test/bed/wait.ts";
import { contourCrds, objectsOf } from "../test/kubernetes/serving.ts";
import type { Channel, SuiteFacts } from "./facts.ts";

/** The GatewayClass that the suite is run with. */
export const gatewayClassName = "contour";

const gatewayClass: TestObject = {
  apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: gatewayClassName },
  spec: { controllerName: "projectcontour.io/gateway-controller" },
};

/** What to set up in a cluster. */
export interface StageWish {
  readonly facts: SuiteFacts;
  readonly channel: Channel;
  readonly say: (line: string) => void;
}

/** Sets up all that the suite expects of a cluster: CRDs, images, the controller and its GatewayClass. */
export async function setStage(cluster: Cluster, { facts, channel, say }: StageWish): Promise<void> {
  await clear(cluster, say);
  say(`CRDs: ${channel} channel of ${facts.version}, and Contour's own`);
  await cluster.apply([...gatewayApiObjects(channel), ...contourCrds()]);
  say("images: contour, envoy, and what the suite's manifests name");
  const envoy = envoyImage(await ensureEnvoyBinary({ env: process.env, progress: say }));
  for (const wish of [contourImage(), envoy, ...suiteImages(facts.images)]) await cluster.importImage(wish);
  say("controller");
  const objects = objectsOf(readFileSync(join(import.meta.dirname, "controller.yaml"), "utf8"));
  await cluster.apply(objects);
  for (const workload of objects.filter(({ kind }) => kind === "Deployment")) await cluster.untilRolledOut(workload, 120_000);
  await cluster.apply([gatewayClass]);
  const count = await untilClassTellsFeatures(cluster);
  say(`GatewayClass ${gatewayClassName}: ${count} features`);
}

// A kept cluster may hold what an earlier run left; a Gateway in the suite's namespaces would fail the next run.
async function clear({ kubectl }: Cluster, say: (line: string) => void): Promise<void> {
  const left = (await kubectl("get", "namespaces", "-o", "name")).split("\n").filter((name) => /^namespace\/(gateway-conformance|projectcontour)/.test(name));
  if (left.length === 0) return;
  say(`deleting what an earlier run left: ${left.map((name) => basename(name)).join(", ")}`);
  await kubectl("delete", "gatewayclasses", "--all", "--timeout=60s");
  await kubectl("delete", ...left, "--timeout=180s");
}

/** The objects that the Gateway API installs for a channel, from its Go module. */
function gatewayApiObjects(channel: Channel): readonly TestObject[] {
  const folder = join(testbedFolder(), "gateway-api-crds", channel);
  // The standard channel is listed one folder higher.
  const list = channel === "standard" ? join(folder, "../kustomization.yaml") : join(folder, "kustomization.yaml");
  const { resources } = parse(readFileSync(list, "utf8")) as { readonly resources: readonly string[] };
  return resources.flatMap((file) => objectsOf(readFileSync(join(folder, basename(file)), "utf8")));
}

/** One image for each program that the suite's manifests ask for, under all the tags by which they do. */
function suiteImages(names: readonly string[]): readonly ImageWish[] {
  const byProgram = Map.groupBy(names, (name) => basename(name).split(":")[0] ?? "");
  return [...byProgram].map(([program, tags]) => {
    if (program !== "echo-basic" && program !== "coredns") throw new Error(`the suite wants the image ${tags[0]}: build its program in test/bed/kubernetes/build/build.sh and name it here`);
    return { tags, entries: [], programs: [{ from: join(testbedFolder(), "bin", program), to: `/${program}` }], entrypoint: [`/${program}`] };
  });
}

// The suite reads the features before it waits for the class.
async function untilClassTellsFeatures(cluster: Cluster): Promise<number> {
  const path = await cluster.pathOf(gatewayClass);
  return await waitFor(async () => {
    const { status } = await cluster.get<{ readonly status?: { readonly supportedFeatures?: readonly object[] } }>(path);
    return status?.supportedFeatures?.length;
  }, { what: `the controller accepts GatewayClass ${gatewayClassName} and lists its features`, timeoutMs: 60_000 });
}
