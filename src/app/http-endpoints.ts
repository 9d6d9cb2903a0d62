import { createServer } from "node:http";
import type { Server } from "node:http";
import type { Registry } from "prom-client";
import type { Pipeline } from "#app/pipeline";
import { describeTranslation } from "#app/translate";

/** Where something is served over HTTP. */
export interface HttpAddress {
  readonly address: string;
  readonly port: number;
}

/** What the endpoints show. */
export interface HttpEndpoints {
  readonly http: HttpAddress;
  readonly health: HttpAddress;
  readonly debug: HttpAddress;
  readonly registry: Registry;
  readonly ready: () => boolean;
  /** Whether the API server answers. */
  readonly alive: () => Promise<boolean>;
  readonly pipeline: Pipeline;
}

type Answer = readonly [status: number, body: string, type: string];
type Pages = Readonly<Record<string, () => Promise<Answer>>>;

/** Serves metrics, health and debug pages; pages of one address share a server. */
export async function serveHttp(endpoints: HttpEndpoints): Promise<{ close(): void }> {
  const health: Pages = { "/health": () => alive(endpoints), "/healthz": () => alive(endpoints), "/readyz": async () => ready(endpoints) };
  const metrics: Pages = { ...health, "/metrics": async () => [200, await endpoints.registry.metrics(), endpoints.registry.contentType] };
  const debug: Pages = { "/debug/translation": async () => [200, `${JSON.stringify(describeTranslation(endpoints.pipeline), undefined, 2)}\n`, "application/json"] };
  const wanted: readonly (readonly [HttpAddress, Pages])[] = [[endpoints.http, metrics], [endpoints.health, health], [endpoints.debug, debug]];
  const byAddress = new Map<string, { readonly at: HttpAddress; readonly pages: Pages }>();
  for (const [at, pages] of wanted) byAddress.set(`${at.address}:${at.port}`, { at, pages: { ...byAddress.get(`${at.address}:${at.port}`)?.pages, ...pages } });
  const servers = await Promise.all([...byAddress.values()].map(({ at, pages }) => listen(at, pages)));
  return {
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

async function listen({ address, port }: HttpAddress, pages: Pages): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const page = pages[(request.url ?? "").split("?")[0] ?? ""] ?? (async (): Promise<Answer> => [404, `not found; there is: ${Object.keys(pages).join(", ")}\n`, "text/plain"]);
    page().then(
      ([status, body, type]) => response.writeHead(status, { "content-type": type }).end(body),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => void server.once("error", reject).listen(port, address, () => resolve()));
  return server;
}

async function alive(endpoints: HttpEndpoints): Promise<Answer> {
  return (await endpoints.alive().catch(() => false)) ? [200, "ok\n", "text/plain"] : [503, "the API server does not answer\n", "text/plain"];
}

function ready(endpoints: HttpEndpoints): Answer {
  return endpoints.ready() ? [200, "ok\n", "text/plain"] : [503, "the first configuration is not complete yet\n", "text/plain"];
}
