import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { askResponder } from "#app/ocsp/responder";

describe("a responder whose address a stranger has put into a certificate", () => {
  const question = new Uint8Array([1]);
  for (const address of ["http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/", "http://0.0.0.0/", "http://100.64.0.1/"]) {
    it(`is not asked at ${address}`, () => assert.rejects(askResponder(address, question, "public"), /is at no public address/));
  }

  it("is not asked under a name that leads home", () => assert.rejects(askResponder("http://localhost/", question, "public"), /is at no public address/));

  it("is not asked at ports of other services", () => assert.rejects(askResponder("http://192.0.2.1:6443/", question, "public"), /port 6443 is not asked|no public address/));

  it("is not followed elsewhere, nor read without end", async (test) => {
    const server = createServer((request, response) => {
      if (request.url === "/moved") return void response.writeHead(302, { location: "/" }).end();
      response.end(Buffer.alloc(request.url === "/large" ? 100_000 : 3));
    });
    test.after(() => (server.closeAllConnections(), server.close()));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal((await askResponder(`${base}/`, question, "all")).length, 3);
    await assert.rejects(askResponder(`${base}/moved`, question, "all"), /status 302/);
    await assert.rejects(askResponder(`${base}/large`, question, "all"), /larger than 65536 bytes/);
  });
});
