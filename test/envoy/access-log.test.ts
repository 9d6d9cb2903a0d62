import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defaultJsonFields, parseJsonFields, parseTextFormat, simpleOperators } from "#settings/access-log";
import type { EnvoySettings } from "#settings/envoy";
import { defaultEnvoySettings } from "#settings/envoy";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import { send } from "./client.ts";
import { cluster, endpoints, host, listener, prefix, route, to } from "./model.ts";
import { startBackend, startRig } from "./rig.ts";

type Line = Readonly<Record<string, unknown>>;

/** Sends requests through an Envoy with an access log and gives its lines, once the last request is among them. */
async function linesOf(settings: Pick<EnvoySettings, "accessLogFormat" | "accessLogLevel">, paths: readonly string[], last: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "contour-test-"));
  const log = join(folder, "access.log");
  const [port, backend] = [await freePort(), await startBackend("a")];
  const rig = await startRig({ ...defaultEnvoySettings, ...settings, accessLogPath: log, stats: { address: "127.0.0.1", port: 0 }, adminPort: 0 });
  try {
    const origin = { kind: "HTTPProxy", namespace: "shop", name: "web" };
    await rig.apply({
      listeners: [{ listener: listener("ingress_http", "http", port) }],
      clusters: [cluster("a")],
      endpoints: [endpoints("a", backend.port)],
      hosts: [host("ingress_http", "a.example.com", [{ ...route(prefix("/moved"), { kind: "redirect", code: 302, path: { kind: "full", path: "/" } }), origin }, { ...route(prefix("/broken"), { kind: "direct-response", status: 503 }), origin }, { ...route(prefix("/"), to("a")), origin }])],
    });
    for (const path of paths) await send({ port, host: "a.example.com", path, headers: { "user-agent": "test" } });
    return await waitFor(() => {
      const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter((line) => line !== "") : [];
      return lines.some((line) => line.includes(last)) ? lines : undefined;
    }, { what: `a line with ${last}`, intervalMs: 20 });
  } finally {
    await rig.stop();
    await backend.close();
    rmSync(folder, { recursive: true });
  }
}

const json = (fields: readonly string[]): EnvoySettings["accessLogFormat"] => {
  const parsed = parseJsonFields(fields);
  return parsed.ok ? { kind: "json", fields: parsed.value } : assert.fail(parsed.error.message);
};

describe("the access log", () => {
  it("is JSON with the usual fields, without those that are empty", async () => {
    const [line = ""] = await linesOf({ accessLogFormat: json(defaultJsonFields), accessLogLevel: "info" }, ["/x?q=1"], "/x");
    const found = JSON.parse(line) as Line;
    assert.deepEqual([found["method"], found["path"], found["response_code"], found["authority"], found["user_agent"], found["upstream_cluster"]], ["GET", "/x?q=1", 200, "a.example.com", "test", "a"]);
    assert.equal("uber_trace_id" in found, false);
  });

  it("has the fields that are chosen, the object behind the route among them", async () => {
    const fields = ["contour_config_kind", "contour_config_namespace", "contour_config_name", "where=%REQ_WITHOUT_QUERY(:PATH)% of %PROTOCOL%", "route_name", "short=%REQ(USER-AGENT):2%"];
    const [line = ""] = await linesOf({ accessLogFormat: json(fields), accessLogLevel: "info" }, ["/x?secret=1"], "/x");
    assert.deepEqual(JSON.parse(line), { contour_config_kind: "HTTPProxy", contour_config_namespace: "shop", contour_config_name: "web", where: "/x of HTTP/1.1", short: "te" });
  });

  it("knows no operator that Envoy refuses", async () => {
    const all = [...simpleOperators.map((name) => name.toLowerCase()), "time=%START_TIME(%s)%", "e=%ENVIRONMENT(HOME)%", "t=%TRAILER(GRPC-STATUS)%", "path"];
    const [line = ""] = await linesOf({ accessLogFormat: json(all), accessLogLevel: "info" }, ["/all"], "/all");
    assert.equal((JSON.parse(line) as Line)["response_code"], 200);
  });

  it("is a text that ends where it is told to", async () => {
    const text = parseTextFormat("%RESPONSE_CODE% %REQ(:PATH)% 100%%\n");
    assert.ok(text.ok);
    assert.deepEqual(await linesOf({ accessLogFormat: { kind: "text", text: text.value }, accessLogLevel: "info" }, ["/a", "/b"], "/b"), ["200 /a 100%", "200 /b 100%"]);
  });

  it("leaves out what its level leaves out", async () => {
    const format = { kind: "text", text: "%RESPONSE_CODE% %REQ(:PATH)%\n" } as const;
    assert.deepEqual(await linesOf({ accessLogFormat: format, accessLogLevel: "error" }, ["/a", "/moved", "/broken"], "/broken"), ["302 /moved", "503 /broken"]);
    assert.deepEqual(await linesOf({ accessLogFormat: format, accessLogLevel: "critical" }, ["/a", "/moved", "/broken"], "/broken"), ["503 /broken"]);
  });
});
