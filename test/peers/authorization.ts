import { createServer } from "node:http";
import type { JsonValue } from "#envoy/json";
import { startGrpc } from "./grpc.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./listen.ts";

/** What Envoy asks an authorization service over gRPC. */
interface Check {
  readonly attributes?: {
    readonly contextExtensions?: Readonly<Record<string, string>>;
    readonly request?: { readonly http?: { readonly headers?: Readonly<Record<string, string>>; readonly path?: string; readonly body?: string; readonly rawBody?: string } };
    readonly source?: { readonly certificate?: string };
  };
}

/** Counts what an authorization service was asked, by host. */
export interface Asked {
  readonly times: Map<string, number>;
}

const header = (key: string, value: string): JsonValue => ({ header: { key, value } });

/** Starts a gRPC authorization service (envoy.service.auth.v3): `x-user: good` may pass, all others get 401. Backends see what the service saw. */
export function startAuthorization(name: string, secure: boolean, asked: Asked): Promise<Peer> {
  const answer = (request: JsonValue): JsonValue => {
    const { attributes = {} } = request as Check;
    const http = attributes.request?.http ?? {};
    const host = http.headers?.[":authority"] ?? "";
    asked.times.set(host, (asked.times.get(host) ?? 0) + 1);
    const seen = [header("x-authorized-by", name), header("x-auth-context", JSON.stringify(Object.fromEntries(Object.entries(attributes.contextExtensions ?? {}).toSorted()))), header("x-auth-body", http.body ?? (http.rawBody === undefined ? "" : `raw ${Buffer.from(http.rawBody, "base64").toString()}`)), header("x-auth-client", attributes.source?.certificate === undefined || attributes.source.certificate === "" ? "none" : "with certificate")];
    if (http.headers?.["x-user"] === "good") return { status: { code: 0 }, okResponse: { headers: seen } };
    return { status: { code: 16 }, deniedResponse: { status: { code: 401 }, headers: [header("x-denied-by", name)], body: "who are you?" } };
  };
  return startGrpc([{ path: "/envoy.service.auth.v3.Authorization/Check", request: "envoy.service.auth.v3.CheckRequest", response: "envoy.service.auth.v3.CheckResponse", answer }], secure);
}

/** Starts an HTTP authorization service with the same rule. What it saw goes back as headers. */
export async function startHttpAuthorization(name: string, asked: Asked): Promise<Peer> {
  const server = createServer((request, response) => {
    const host = request.headers.host ?? "";
    asked.times.set(host, (asked.times.get(host) ?? 0) + 1);
    const good = request.headers["x-user"] === "good" || request.headers.authorization === "good";
    response.writeHead(good ? 200 : 401, { "x-authorized-by": name, "x-auth-path": request.url ?? "", "x-auth-headers": Object.keys(request.headers).filter((key) => key.startsWith("x-") && !key.startsWith("x-envoy") && !key.startsWith("x-forwarded") && key !== "x-request-id").toSorted().join(","), "x-unasked": "1" });
    response.end(good ? "" : "who are you?");
  });
  return listen(server);
}
