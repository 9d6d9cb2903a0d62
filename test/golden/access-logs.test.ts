import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import { Stage } from "./stage.ts";
import { manifestsOf, readStories } from "./story.ts";

describe("access logs over OTLP", () => {
  it("reach a collector with the line, the fields and the service's name, for requests of the level that is chosen", async (test) => {
    const story = readStories().find(({ name }) => name === "httpproxy/access-logs-over-otlp");
    assert.ok(story);
    const { objects } = readFiles([manifestsOf(story)]);
    const stage = new Stage();
    test.after(() => stage.close());
    await stage.open(objects.find((object) => object.kind === "ContourConfiguration") as ContourConfiguration);
    await stage.play(objects);
    const send = (path: string, tag: string) => stage.send({ url: `http://shop.example.com${path}`, headers: { "x-tag": tag }, status: 200 });
    await waitFor(async () => (await send("/", "fine")).status === 200, { what: "an answer" });
    assert.equal((await send("/missing?token=1", "wrong")).status, 404);
    const wanted = ["body: GET is 404", "method: GET", "response_code: 404", "tag: wrong", "without: /missing", "service.name: golden-logs", "node_name: golden"];
    // Envoy sends records every second.
    await waitFor(() => wanted.every((what) => (stage.asked.get(`log ${what}`) ?? 0) > 0), { what: `a record with all of it; found: ${JSON.stringify([...stage.asked])}`, timeoutMs: 20_000 });
    assert.equal(stage.asked.get("log tag: fine"), undefined);
  });
});
