import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as grpc from "@grpc/grpc-js";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { readFiles } from "#sources/file/read";
import { HopelessError, waitFor } from "../bed/wait.ts";
import type { Answer } from "../envoy/client.ts";
import { Stage } from "./stage.ts";
import { manifestsOf, readStories } from "./story.ts";
import type { StoryRequest } from "./story.ts";

/** What is wrong with an answer; undefined when it is as the story says. */
function difference(wanted: StoryRequest, answer: Answer): string | undefined {
  const picked = (from: Readonly<Record<string, unknown>> | undefined, names: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> => Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, from?.[name] ?? null]));
  const shape = {
    status: answer.status,
    ...(wanted.backend === undefined ? {} : { backend: answer.echo?.backend }),
    ...(wanted.path === undefined ? {} : { path: answer.echo?.url }),
    ...(wanted.location === undefined ? {} : { location: answer.headers.location }),
    ...(wanted.received === undefined ? {} : { received: picked(answer.echo?.headers, wanted.received) }),
    ...(wanted.answered === undefined ? {} : { answered: picked(answer.headers, wanted.answered) }),
    ...(wanted.echoed === undefined ? {} : { echoed: picked(answer.echo as Readonly<Record<string, unknown>> | undefined, wanted.echoed) }),
    ...(wanted.text === undefined ? {} : { text: answer.body.includes(wanted.text) ? wanted.text : answer.body }),
    ...(wanted.call === undefined ? {} : { call: grpc.status[Number(answer.headers["grpc-status"] ?? -1)] }),
    ...(wanted.certificate === undefined ? {} : { certificate: answer.certificate }),
  };
  const { status, path, location, received, answered, echoed, text, certificate, call } = wanted;
  const backend = typeof wanted.backend === "object" ? wanted.backend.find((one) => one === answer.echo?.backend) : wanted.backend;
  const expected = JSON.parse(JSON.stringify({ status, backend, path, location, received, answered, echoed, text, certificate, call })) as object;
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(shape)), expected);
    return undefined;
  } catch (error) {
    return `${wanted.url}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function noAnswer(error: unknown): Answer {
  return { status: 0, headers: {}, body: String(error), echo: undefined, certificate: undefined };
}

/** Sends a request again and again until each backend that the story names has answered, and all copies have come. */
async function sendUntilAllAnswer(stage: Stage, request: StoryRequest): Promise<void> {
  const waiting = new Set(request.backends);
  const before = new Map(stage.asked);
  const uncopied = (): readonly string[] => Object.entries(request.copies ?? {}).flatMap(([name, copied]) => (copied === (stage.asked.get(name) ?? 0) > (before.get(name) ?? 0) ? [] : [name]));
  await waitFor(
    async () => {
      const answer = await stage.send(request);
      const backend = answer.echo?.backend ?? `nobody (${answer.status})`;
      if (request.backends !== undefined && !request.backends.includes(backend)) throw new HopelessError(`${request.url}: answered by ${backend}`);
      waiting.delete(backend);
      return waiting.size === 0 && uncopied().length === 0;
    },
    { what: `${request.url}: answers of ${request.backends?.join(", ")} with copies as wanted`, intervalMs: 1, timeoutMs: 10_000 },
  );
}

describe("on a real Envoy", () => {
  // One Envoy lives through all stories: what one leaves behind would spoil the next. Only those with a configuration have their own.
  const common = new Stage();
  before(() => common.open());
  after(() => common.close());
  for (const story of readStories()) {
    it(story.name, async (test) => {
      const { objects } = readFiles([manifestsOf(story)]);
      const configuration = objects.find((object): object is ContourConfiguration => object.kind === "ContourConfiguration");
      const stage = configuration === undefined ? common : new Stage();
      if (configuration !== undefined) {
        test.after(() => stage.close());
        await stage.open(configuration);
      }
      const remove = await stage.play(objects);
      try {
        assert.deepEqual(stage.nacks, []);
        for (const request of story.requests) {
          if (request.statuses !== undefined) {
            const statuses: number[] = [];
            for (const _ of request.statuses) statuses.push((await stage.send(request)).status);
            assert.deepEqual(statuses, request.statuses, request.url);
            continue;
          }
          // A listener that was taken accepts connections a moment later.
          let last: string | undefined = "no answer";
          await waitFor(async () => (last = await stage.send(request).catch(noAnswer).then((answer) => difference(request, answer))) === undefined, { what: request.url, intervalMs: 10, timeoutMs: 10_000 }).catch(() => assert.fail(last ?? ""));
          if (request.backends !== undefined || request.copies !== undefined) await sendUntilAllAnswer(stage, request);
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
