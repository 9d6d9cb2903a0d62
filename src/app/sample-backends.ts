import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { EndpointSlice } from "#gen/k8s/endpoint-slice";
import type { Service } from "#gen/k8s/service";
import { equalValues } from "#lib/equal";
import type { ObjectEvent } from "#store/event";

/** The annotation by which a Service gets a backend in `contour run`: `echo` for a sample, or `host:port` of one's own. */
export const backendAnnotation = "run.projectcontour.io/backend";

/** Makes EndpointSlices for Services that ask for a backend on this machine. */
export interface SampleBackends {
  /** The slices that follow from changed Services. */
  follow(events: readonly ObjectEvent[]): Promise<readonly ObjectEvent[]>;
  stop(): void;
}

/** Creates them; the child process with the samples starts when the first Service asks for one. */
export function createSampleBackends(): SampleBackends {
  let child: ChildProcess | undefined;
  const ports = new Map<string, Promise<number>>();
  const waiting = new Map<string, (port: number) => void>();
  const slices = new Map<string, EndpointSlice>();
  // In a group of its own: Ctrl-C in a terminal reaches the whole group, and ending it is our business.
  const start = (): ChildProcess => {
    const started = fork(new URL("./sample-backend.ts", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"], detached: true });
    started.on("message", ({ name, port }: { name: string; port: number }) => waiting.get(name)?.(port));
    return started;
  };
  const samplePort = (name: string): Promise<number> => {
    const known = ports.get(name);
    if (known !== undefined) return known;
    child ??= start();
    const { promise, resolve } = Promise.withResolvers<number>();
    waiting.set(name, resolve);
    ports.set(name, promise);
    child.send({ name });
    return promise;
  };
  const followOne = async (event: ObjectEvent): Promise<readonly ObjectEvent[]> => {
    const key = event.type === "delete" ? `${event.ref.namespace}/${event.ref.name}` : `${event.object.metadata.namespace}/${event.object.metadata.name}`;
    const slice = event.type === "delete" ? undefined : await sliceOf(event.object as Service, key, samplePort);
    const known = slices.get(key);
    if (slice === undefined && known === undefined) return [];
    if (slice === undefined) {
      slices.delete(key);
      return known === undefined ? [] : [{ type: "delete", ref: { kind: "EndpointSlice", namespace: known.metadata.namespace ?? "", name: known.metadata.name } }];
    }
    if (known !== undefined && equalValues(known, slice)) return [];
    slices.set(key, slice);
    return [{ type: "upsert", object: slice }];
  };
  return {
    async follow(events) {
      const services = events.filter((event) => (event.type === "delete" ? event.ref.kind : event.object.kind) === "Service");
      return (await Promise.all(services.map(followOne))).flat();
    },
    stop() {
      if (child?.connected === true) child.disconnect();
    },
  };
}

async function sliceOf(service: Service, key: string, samplePort: (name: string) => Promise<number>): Promise<EndpointSlice | undefined> {
  const wanted = service.metadata.annotations?.[backendAnnotation];
  if (wanted === undefined) return undefined;
  const [host = "", port = ""] = wanted === "echo" ? ["127.0.0.1", String(await samplePort(key))] : [wanted.slice(0, wanted.lastIndexOf(":")), wanted.slice(wanted.lastIndexOf(":") + 1)];
  const address = host === "localhost" || host === "" ? "127.0.0.1" : host;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${service.metadata.name}-run`, namespace: service.metadata.namespace ?? "default", labels: { "kubernetes.io/service-name": service.metadata.name } },
    addressType: "IPv4",
    ports: (service.spec?.ports ?? []).map((entry) => ({ name: entry.name ?? "", port: Number(port), protocol: "TCP" })),
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
}
