import { createServer } from "node:http";
import type { Server } from "node:http";
import type { Registry } from "prom-client";
import { text } from "#app/debug/page";
import type { Answer, Page, PageRequest } from "#app/debug/page";
import type { Health } from "#app/health";

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
  readonly state: Health;
  /** Whether the API server answers. */
  readonly alive: () => Promise<boolean>;
  readonly debugPages: readonly Page[];
}

/** Serves metrics, health and debug pages; pages of one address share a server. */
export async function serveHttp(endpoints: HttpEndpoints): Promise<{ close(): void }> {
  const { registry } = endpoints;
  const alive = async (): Promise<Answer> => endpoints.state.answer(await endpoints.alive().catch(() => false));
  const health: readonly Page[] = [
    { path: "/health", about: "", answer: alive },
    { path: "/healthz", about: "", answer: alive },
    { path: "/readyz", about: "", answer: () => (endpoints.ready() ? text("ok") : text("the first configuration is not complete yet", 503)) },
  ];
  const metrics: Page = { path: "/metrics", about: "", answer: async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType }) };
  const wanted: readonly (readonly [HttpAddress, readonly Page[]])[] = [[endpoints.http, [...health, metrics]], [endpoints.health, health], [endpoints.debug, endpoints.debugPages]];
  const byAddress = new Map<string, { readonly at: HttpAddress; readonly pages: readonly Page[] }>();
  for (const [at, pages] of wanted) byAddress.set(`${at.address}:${at.port}`, { at, pages: [...(byAddress.get(`${at.address}:${at.port}`)?.pages ?? []), ...pages] });
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

async function listen({ address, port }: HttpAddress, pages: readonly Page[]): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(pages, request.method ?? "GET", request.url ?? "/").then(
      ({ status, body, type }) => response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? "" : body),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => void server.once("error", reject).listen(port, address, () => resolve()));
  return server;
}

async function answer(pages: readonly Page[], method: string, target: string): Promise<Answer> {
  const [path = "", query = ""] = target.split("?", 2);
  const page = pages.filter((one) => path === one.path || path.startsWith(`${one.path}/`)).toSorted((a, b) => b.path.length - a.path.length)[0];
  const rest = path.slice(page?.path.length ?? 0).split("/").filter((part) => part !== "");
  const request = decoded({ method: method === "HEAD" ? "GET" : method, rest, query: new URLSearchParams(query) });
  if (page === undefined || request === undefined) return text(`not found; there is: ${pages.map((one) => one.path).join(", ")}`, 404);
  return page.answer(request);
}

/** A path that is not well encoded is none. */
function decoded(request: PageRequest): PageRequest | undefined {
  try {
    return { ...request, rest: request.rest.map((part) => decodeURIComponent(part)) };
  } catch {
    return undefined;
  }
}
