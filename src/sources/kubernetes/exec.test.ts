import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { ApiError } from "#sources/kubernetes/api-error";
import { execInPod } from "#sources/kubernetes/exec";
import type { ExecEnd } from "#sources/kubernetes/exec";

const channel = (number: number, text: string): Buffer => Buffer.concat([Buffer.from([number]), Buffer.from(text)]);

/** What the API server does in the place of a pod is played here; the real one is in test/cluster/doctor.test.ts. */
describe("exec in a pod", { timeout: 20_000 }, () => {
  let server: Server;
  let sockets: WebSocketServer;
  let play: (socket: WebSocket, received: string, request: IncomingMessage) => void = () => undefined;
  before(async () => {
    server = createServer();
    sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has("v4.channel.k8s.io") ? "v4.channel.k8s.io" : false) });
    server.on("upgrade", (request, socket, head) => {
      if (request.url?.includes("/pods/forbidden/") === true) {
        const body = JSON.stringify({ kind: "Status", reason: "Forbidden", message: 'cannot create resource "pods/exec"' });
        socket.end(`HTTP/1.1 403 Forbidden\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (opened) => {
        let received = "";
        opened.on("message", (data: Buffer) => {
          received += data.subarray(1).toString("utf8");
          if (received.endsWith("\n")) play(opened, received, request);
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    sockets.close();
    server.close();
  });

  const exec = async (input = "plan\n", pod = "envoy"): Promise<ExecEnd & { readonly output: string }> => {
    let output = "";
    const access = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, namespace: "default", insecure: false, headers: { "impersonate-user": "jane" }, credentials: () => Promise.resolve({ authorization: "Bearer token" }), forget: () => undefined };
    const end = await execInPod(access, {}, { namespace: "projectcontour", pod, container: "shutdown-manager", command: ["contour", "doctor"], input, onOutput: (chunk) => (output += chunk.toString("utf8")), signal: AbortSignal.timeout(10_000) });
    return { ...end, output };
  };

  it("sends the input, in pieces, and gets the output; asks as who it is", async () => {
    let request: IncomingMessage | undefined;
    play = (socket, received, asked) => {
      request = asked;
      socket.send(channel(1, String(received.length)));
      socket.send(channel(3, JSON.stringify({ status: "Success" })));
      socket.close();
    };
    const input = `${"x".repeat(100_000)}\n`;
    assert.deepEqual(await exec(input), { code: 0, message: "", stderr: "", output: String(input.length) });
    assert.equal(request?.url, "/api/v1/namespaces/projectcontour/pods/envoy/exec?container=shutdown-manager&command=contour&command=doctor&stdin=true&stdout=true&stderr=true");
    assert.deepEqual([request?.headers.authorization, request?.headers["impersonate-user"], request?.headers["sec-websocket-protocol"]], ["Bearer token", "jane", "v5.channel.k8s.io,v4.channel.k8s.io"]);
  });
  it("tells the code of a program that fails, and what it complained", async () => {
    play = (socket) => {
      socket.send(channel(2, "no such command"));
      socket.send(channel(3, JSON.stringify({ status: "Failure", message: "command terminated with exit code 2", details: { causes: [{ reason: "ExitCode", message: "2" }] } })));
      socket.close();
    };
    assert.deepEqual(await exec(), { code: 2, message: "command terminated with exit code 2", stderr: "no such command", output: "" });
  });
  it("tells a connection that breaks from an end", async () => {
    play = (socket) => socket.terminate();
    assert.deepEqual(await exec(), { message: "the connection ended before the program did", stderr: "", output: "" });
  });
  it("throws what the API server refuses, in its words", async () => {
    await assert.rejects(exec("plan\n", "forbidden"), (error) => error instanceof ApiError && error.status === 403 && error.message === 'cannot create resource "pods/exec"');
  });
});
