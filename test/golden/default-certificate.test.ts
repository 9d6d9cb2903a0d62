import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import { parsed } from "./parsed.ts";
import { Stage } from "./stage.ts";

const objects = readFiles([new URL("../../testdata/golden/httpproxy/default-certificate/manifests", import.meta.url).pathname]).objects.filter(({ kind }) => kind !== "ContourConfiguration");
const configuration = parsed({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "contour", namespace: "projectcontour" }, spec: { envoy: { listener: { tls: { defaultCertificate: { namespace: "certs", name: "default" }, certificatesOnDemandFrom: 2 } } } } }) as ContourConfiguration;

describe("the default certificate, where Envoy asks for certificates on demand", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(async () => {
    await stage.open(configuration);
    await stage.play(objects);
  });
  after(() => stage.close());

  const shown = (host: string): Promise<string | undefined> => stage.send({ url: `https://${host}/`, status: 200 }).then(({ certificate }) => certificate, () => undefined);

  it("is shown for all hosts that name no other, and for nobody who may not use it", async () => {
    for (const host of ["one.wild.example.com", "four.wild.example.com", "elsewhere.example.com", "x.any.wild.example.com"]) await waitFor(async () => (await shown(host)) === "*.wild.example.com", { what: `${host} is served`, intervalMs: 10 });
    await waitFor(async () => (await shown("shop.example.com")) === "shop.example.com", { what: "a certificate of its own", intervalMs: 10 });
    for (const host of ["stranger.wild.example.com", "five.wild.example.com", "nobody.wild.example.com"]) assert.equal(await shown(host), undefined, host);
    assert.deepEqual(stage.nacks, []);
  });
});
