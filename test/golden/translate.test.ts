import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { manifestsOf, readStories, tell, written } from "./story.ts";

const stories = readStories();
const contour = join(import.meta.dirname, "../../bin/contour");

describe("what manifests become is what is written down (npm run golden)", () => {
  for (const story of stories) it(story.name, async () => assert.deepEqual(await tell(story), written(story)));
});

describe("the program says the same as its parts", () => {
  const some = stories.filter((_, i) => i % 12 === 0);
  for (const story of some) {
    it(story.name, async () => {
      const run = promisify(execFile)(contour, ["translate", manifestsOf(story), "--resources", story.resources], { maxBuffer: 1 << 26 });
      const { stdout, stderr, code } = await run.then((done) => ({ ...done, code: 0 }), (error: { stdout: string; stderr: string; code: number }) => error);
      const messages = `${stderr.replaceAll(`${manifestsOf(story)}/`, "")}exit code ${code}\n`;
      assert.deepEqual({ messages, resources: stdout }, { messages: written(story)["messages.txt"], resources: written(story)["resources.yaml"] });
    });
  }
});
