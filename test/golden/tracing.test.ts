import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import { Stage } from "./stage.ts";
import { manifestsOf, readStories } from "./story.ts";

describe("spans of requests", () => {
  it("reach an OpenTelemetry collector, with the tags of the installation", async (test) => {
    const story = readStories().find(({ name }) => name === "httpproxy/tracing");
    assert.ok(story);
    const { objects } = readFiles([manifestsOf(story)]);
    const stage = new Stage();
    test.after(() => stage.close());
    await stage.open(objects.find((object) => object.kind === "ContourConfiguration") as ContourConfiguration);
    await stage.play(objects);
    await waitFor(async () => (await stage.send({ url: "http://shop.example.com/", headers: { "x-tag": "from-header" }, status: 200 })).status === 200, { what: "an answer" });
    // Envoy sends spans every few seconds.
    await waitFor(() => ["golden-service", "golden-tag", "from-header"].every((word) => (stage.asked.get(word) ?? 0) > 0), { what: `spans with all tags; found: ${JSON.stringify([...stage.asked])}`, timeoutMs: 20_000 });
  });
});
