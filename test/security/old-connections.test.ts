import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { after, before, describe, it } from "node:test";
import { parsed } from "../golden/parsed.ts";
import { Stage } from "../golden/stage.ts";
import { waitFor } from "../bed/wait.ts";
import { surroundings } from "./combinations.ts";

const host = (name: string, guarded: boolean, tls: boolean) =>
  parsed({
    apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" },
    spec: {
      virtualhost: { fqdn: `${name}.example.com`, ...(tls ? { tls: { secretName: "shop" } } : {}), ...(guarded ? { authorization: { extensionRef: { namespace: "auth", name: "own" }, ...(tls ? {} : { permitInsecure: true }) } } : {}) },
      routes: [{ services: [{ name: "web", port: 80 }] }],
    },
  });

describe("a connection from before a host was guarded", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await stage.play([...surroundings().filter(({ metadata }) => metadata.name !== "falls-back"), host("plain", false, false), host("secure", false, true)]);
    await waitFor(async () => (await ask("http://plain.example.com/")) === 200 && (await ask("https://secure.example.com/")) === 200, { what: "both hosts answer", intervalMs: 10 });
  });
  after(() => stage.close());

  const ask = async (url: string): Promise<number> => (await stage.send({ url, status: 0 })).status;

  it("without TLS gets 503", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const again = async (): Promise<number> => {
      const request = http.get({ host: "127.0.0.1", port: stage.port(8080), agent, headers: { host: "plain.example.com" } });
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      response.resume();
      await once(response, "end");
      assert.equal(request.reusedSocket, response.statusCode !== 200, "it is the same connection");
      return response.statusCode ?? 0;
    };
    assert.equal(await again(), 200);
    stage.controller.apply([{ type: "upsert", object: host("plain", true, false) }]);
    await waitFor(async () => (await ask("http://plain.example.com/")) === 401, { what: "new connections are checked", intervalMs: 5 });
    assert.equal(await again(), 503);
    agent.destroy();
  });

  it("over TLS gets 421, which tells the client to come again", async () => {
    const session = http2.connect(`https://127.0.0.1:${stage.port(8443)}`, { servername: "secure.example.com", rejectUnauthorized: false });
    session.on("error", () => undefined);
    const again = async (): Promise<number> => {
      const stream = session.request({ ":path": "/", ":authority": "secure.example.com" });
      const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
      stream.resume();
      await once(stream, "end");
      return headers[":status"] ?? 0;
    };
    assert.equal(await again(), 200);
    stage.controller.apply([{ type: "upsert", object: host("secure", true, true) }]);
    await waitFor(async () => (await ask("https://secure.example.com/")) === 401, { what: "new connections are checked", intervalMs: 5 });
    assert.equal(await again(), 421);
    session.destroy();
  });
});
