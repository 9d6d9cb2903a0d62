import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { ApiError, statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient, ApiRequest } from "#sources/kubernetes/client";
import { StatusSender } from "#status/sender";

const target = { kind: "HTTPProxy", namespace: "d", name: "web", version: undefined } as const;
const path = "/apis/projectcontour.io/v1/namespaces/d/httpproxies/web";

// The API server is played; what a real one makes of it is in test/cluster/from-go-contour.test.ts.
function played(forbidden: readonly string[], replies: Readonly<Record<string, object>> = {}): { readonly asked: ApiRequest[]; readonly sender: StatusSender } {
  const asked: ApiRequest[] = [];
  const client: ApiClient = {
    call: async <T>(request: ApiRequest) => {
      asked.push(request);
      const method = request.method ?? "GET";
      if (forbidden.includes(method)) throw new ApiError(403, { message: `may not ${method}` });
      return (replies[method] ?? {}) as T;
    },
    stream: () => Promise.reject(new Error("no streams here")),
    close() {},
  };
  return { asked, sender: new StatusSender(client, pino({ level: "silent" })) };
}

describe("sending a status", () => {
  const { signal } = new AbortController();
  const inShort = ({ method = "GET", path: at }: ApiRequest): string => `${method} ${at.replace(path, "")}`;

  it("is a patch", async () => {
    const { asked, sender } = played([]);
    await sender.send(target, { currentStatus: "valid" }, signal);
    assert.deepEqual(asked.map(inShort), ["PATCH /status"]);
  });

  it("is an update of what is there where patches are forbidden, and from then on at once", async () => {
    const there = { metadata: { name: "web", resourceVersion: "7" }, spec: { routes: [] }, status: { loadBalancer: { ingress: [] }, currentStatus: "invalid" } };
    const { asked, sender } = played(["PATCH"], { GET: there });
    for (let i = 0; i < 2; i++) await sender.send(target, { currentStatus: "valid" }, signal);
    assert.deepEqual(asked.map(inShort), ["PATCH /status", "GET ", "PUT /status", "GET ", "PUT /status"]);
    assert.deepEqual(asked[2]?.body, { ...there, status: { loadBalancer: { ingress: [] }, currentStatus: "valid" } });
  });

  it("fails with the right that is missing first where neither is allowed", async () => {
    const { sender } = played(["PATCH", "PUT"]);
    await assert.rejects(sender.send(target, {}, signal), (error) => statusOf(error) === 403 && /PATCH/.test(String(error)));
  });
});
