import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { freePort } from "../test/bed/free-port.ts";
import { type RunningProcess, startProcess } from "../test/bed/process.ts";
import { waitFor } from "../test/bed/wait.ts";
import type { Session } from "./session.ts";

/** An address of this machine that an EndpointSlice may name: loopback ones are refused. Set on `lo` of our own network namespace. */
export const localAddress = "192.0.2.1";

/** A real Envoy that gets its configuration from the controller under test. */
export interface Envoy {
  readonly process: RunningProcess;
  /** One GET to the plain HTTP listener: the status, or "refused". */
  get(host: string): Promise<number | "refused">;
  stop(): Promise<void>;
}

/** Starts Envoy; resolves when its listener answers. */
export async function startEnvoy(session: Session, folder: string, binary: string): Promise<Envoy> {
  const config = join(folder, "envoy.json");
  writeFileSync(config, JSON.stringify(bootstrap(session.controller.xdsPort, await freePort())));
  const args = ["-c", config, "--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "2", "--log-level", "error"];
  const envoy = startProcess({ name: "envoy", command: binary, args, logPath: join(folder, "envoy.log") });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const get = (host: string): Promise<number | "refused"> => getOnce(agent, host);
  const stop = async (): Promise<void> => {
    agent.destroy();
    await envoy.stop();
  };
  try {
    await waitFor(async () => (await get("nobody.example.com")) !== "refused", { what: "Envoy listens", timeoutMs: 60_000 });
  } catch (error) {
    await stop();
    throw new Error(`${String(error)}\n${envoy.logTail()}`, { cause: error });
  }
  return { process: envoy, get, stop };
}

function bootstrap(xdsPort: number, adminPort: number): object {
  const address = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const ads = { ads: {}, resource_api_version: "V3" };
  return {
    node: { id: "bench-envoy", cluster: "bench" },
    admin: { address: address(adminPort) },
    dynamic_resources: {
      ads_config: { api_type: "DELTA_GRPC", transport_api_version: "V3", grpc_services: [{ envoy_grpc: { cluster_name: "contour" } }] },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [{
        name: "contour", type: "STATIC", connect_timeout: "5s",
        typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": { "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", explicit_http_config: { http2_protocol_options: {} } } },
        load_assignment: { cluster_name: "contour", endpoints: [{ lb_endpoints: [{ endpoint: { address: address(xdsPort) } }] }] },
      }],
    },
  };
}

const listenerPort = 8080;

function getOnce(agent: Agent, host: string): Promise<number | "refused"> {
  return new Promise((resolve) => {
    const outgoing = request({ host: "127.0.0.1", port: listenerPort, path: "/", headers: { host }, agent, timeout: 2000 }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve("refused"));
    outgoing.end();
  });
}

/** A backend that always answers 200, at `localAddress`. */
export async function startBackend(): Promise<{ readonly port: number; stop(): void }> {
  const server: Server = createServer((_, response) => void response.end("ok"));
  server.listen(0, localAddress);
  await once(server, "listening");
  const bound = server.address();
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: typeof bound === "object" && bound !== null ? bound.port : 0, stop };
}
