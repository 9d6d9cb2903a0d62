import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { KubeObject } from "#k8s/object";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import { Stage } from "./stage.ts";
import { manifestsOf, readStories } from "./story.ts";

/** The objects of a story, without its grants, and these. */
function takeApart(name: string): readonly [objects: readonly KubeObject[], grants: readonly KubeObject[]] {
  const story = readStories().find((candidate) => candidate.name === name);
  assert.ok(story);
  const { objects } = readFiles([manifestsOf(story)]);
  return [objects.filter(({ kind }) => kind !== "ReferenceGrant"), objects.filter(({ kind }) => kind === "ReferenceGrant")];
}

describe("a ReferenceGrant that comes and goes under traffic", { timeout: 60_000 }, () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  const rounds = 3;
  const often = 20;
  const status = async (url: string): Promise<number> => (await stage.send({ url, status: 0 }).catch(() => ({ status: 0 }))).status;
  /** What is asked for right after Envoy has taken the change: it takes a moment on its threads, and then it stays. */
  const changesTo = async (url: string, wanted: number): Promise<void> => {
    await waitFor(async () => (await status(url)) === wanted, { what: `${url} answers ${wanted}`, intervalMs: 1, timeoutMs: 5000 });
    const found = await Promise.all(Array.from({ length: often }, () => status(url)));
    assert.deepEqual(new Set(found), new Set([wanted]));
  };

  it("opens and closes the way to a Service, and to no other", async () => {
    const [objects, grants] = takeApart("gateway/grants-for-services");
    const remove = await stage.play(objects);
    const granted = "http://shop.example.com:9080/granted";
    await changesTo(granted, 500);
    for (let round = 0; round < rounds; round++) {
      const revoke = await stage.play(grants);
      await changesTo(granted, 200);
      assert.equal(await status("http://shop.example.com:9080/none"), 500);
      revoke();
      await stage.settled();
      await changesTo(granted, 500);
    }
    assert.deepEqual(stage.nacks, []);
    remove();
  });

  it("gives a listener its certificate, and takes it away", async () => {
    const [objects, grants] = takeApart("gateway/grants-for-secrets");
    const remove = await stage.play(objects);
    const granted = "https://shop.example.com:9443/";
    for (let round = 0; round < rounds; round++) {
      const revoke = await stage.play(grants);
      await changesTo(granted, 200);
      revoke();
      await stage.settled();
      await changesTo(granted, 0);
    }
    assert.deepEqual(stage.nacks, []);
    remove();
  });
});
