import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readFiles } from "#sources/file/read";
import { waitFor } from "../bed/wait.ts";
import type { Answer } from "../envoy/client.ts";
import { Stage } from "./stage.ts";
import { manifestsOf, readStories } from "./story.ts";
import type { StoryRequest } from "./story.ts";

/** What is wrong with an answer; undefined when it is as the story says. */
function difference(wanted: StoryRequest, answer: Answer): string | undefined {
  const lower = (headers: Readonly<Record<string, unknown>> | undefined, names: Readonly<Record<string, string>> | undefined): Readonly<Record<string, unknown>> => Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, headers?.[name]]));
  const shape = {
    status: answer.status,
    ...(wanted.backend === undefined ? {} : { backend: answer.echo?.backend }),
    ...(wanted.path === undefined ? {} : { path: answer.echo?.url }),
    ...(wanted.location === undefined ? {} : { location: answer.headers.location }),
    ...(wanted.received === undefined ? {} : { received: lower(answer.echo?.headers, wanted.received) }),
    ...(wanted.answered === undefined ? {} : { answered: lower(answer.headers, wanted.answered) }),
    ...(wanted.certificate === undefined ? {} : { certificate: answer.certificate }),
  };
  const { status, path, location, received, answered, certificate } = wanted;
  const backend = typeof wanted.backend === "object" ? wanted.backend.find((one) => one === answer.echo?.backend) : wanted.backend;
  const expected = JSON.parse(JSON.stringify({ status, backend, path, location, received, answered, certificate })) as object;
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(shape)), expected);
    return undefined;
  } catch (error) {
    return `${wanted.url}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe("on a real Envoy", () => {
  // One Envoy lives through all stories: what one leaves behind would spoil the next.
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  for (const story of readStories()) {
    it(story.name, async () => {
      const remove = await stage.play(readFiles([manifestsOf(story)]).objects);
      try {
        assert.deepEqual(stage.nacks, []);
        for (const request of story.requests) {
          // A listener that was taken accepts connections a moment later.
          let last: string | undefined = "no answer";
          await waitFor(async () => (last = await stage.send(request).then((answer) => difference(request, answer), String)) === undefined, { what: request.url, intervalMs: 10, timeoutMs: 3000 }).catch(() => assert.fail(last ?? ""));
        }
      } finally {
        remove();
      }
    });
  }
  it("every story about traffic sends a request", () => {
    const silent = readStories().filter((story) => story.requests.length === 0 && !readFileSync(join(story.folder, "messages.txt"), "utf8").includes("error: "));
    assert.deepEqual(silent.map(({ name }) => name), []);
  });
});
