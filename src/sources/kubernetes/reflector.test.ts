import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { kinds } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { ApiError } from "#sources/kubernetes/api-error";
import type { ApiClient, ApiRequest } from "#sources/kubernetes/client";
import { Reflector } from "#sources/kubernetes/reflector";

// A played API server: a real one forgets what was, sends bookmarks and breaks streams only after minutes.

type Answer = ApiError | { readonly list: readonly string[]; readonly version: string; readonly next?: string } | { readonly events: readonly string[] };

interface Played {
  readonly asked: string[];
  readonly events: string[];
  readonly waited: number[];
  readonly outcome: string;
  readonly lists: number;
}

const service = (name: string): object => ({ apiVersion: "v1", kind: "Service", metadata: { namespace: "d", name, resourceVersion: `v-${name}` }, spec: { ports: [{ port: 80 }] } });
const event = (type: string, name: string): string => JSON.stringify({ type, object: service(name) });
const bookmark = (version: string): string => JSON.stringify({ type: "BOOKMARK", object: { kind: "Service", apiVersion: "v1", metadata: { resourceVersion: version } } });

/** Gives the answers one after the other; what comes after them is the end of the test. */
async function play(...answers: readonly Answer[]): Promise<Played> {
  const [asked, events, waited]: [string[], string[], number[]] = [[], [], []];
  const stop = new AbortController();
  let lists = 0;
  const next = ({ path }: ApiRequest): Answer => {
    asked.push(path.replace("/api/v1/services?", "").replace(/timeoutSeconds=\d+&/, ""));
    const answer = answers[asked.length - 1];
    if (answer !== undefined) return answer;
    stop.abort();
    return new ApiError(0, { message: "the end" });
  };
  const client: ApiClient = {
    async call<T>(request: ApiRequest) {
      const answer = next(request);
      if (answer instanceof ApiError || !("list" in answer)) throw answer;
      return { metadata: { resourceVersion: answer.version, ...(answer.next === undefined ? {} : { continue: answer.next }) }, items: answer.list.map(service) } as T;
    },
    async stream(request) {
      const answer = next(request);
      if (answer instanceof ApiError || !("events" in answer)) throw answer;
      // In pieces that do not end where lines end.
      const text = answer.events.map((line) => `${line}\n`).join("");
      return (async function* () {
        for (const piece of text.match(/[\s\S]{1,50}/g) ?? []) yield Buffer.from(piece);
      })();
    },
    close() {},
  };
  const reflector = new Reflector({
    client, kind: kinds.Service, log: pino({ level: "silent" }), signal: stop.signal, random: () => 0, onInvalid() {},
    sink: { apply: (changes) => void events.push(...changes.map((change) => (change.type === "delete" ? `-${change.ref.name}` : `+${(change.object as KubeObject).metadata.name}`))) },
    sleep: async (ms) => void waited.push(ms),
  });
  const outcome = await reflector.run(() => void (lists += 1), () => undefined);
  return { asked, events, waited, outcome, lists };
}

const watch = (version: string): string => `watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
const list = "limit=500";

describe("a watch", () => {
  it("begins after the list, page by page", async () => {
    const { asked, events, lists } = await play({ list: ["a"], version: "1", next: "t/2" }, { list: ["b"], version: "1" }, { events: [event("ADDED", "c"), event("DELETED", "a")] });
    assert.deepEqual(asked, [list, `${list}&continue=t%2F2`, watch("1"), watch("v-a")]);
    assert.deepEqual([events, lists], [["+a", "+b", "+c", "-a"], 1]);
  });
  it("goes on where it was when the stream ends, without another list, and without waiting", async () => {
    const { asked, waited } = await play({ list: [], version: "1" }, { events: [event("ADDED", "a")] }, { events: [bookmark("77")] });
    assert.deepEqual(asked, [list, watch("1"), watch("v-a"), watch("77")]);
    assert.deepEqual(waited, []);
  });
  it("lists again when the server forgot, and takes away what is gone meanwhile", async () => {
    for (const forgot of [new ApiError(410, { message: "too old" }), { events: [JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } })] }]) {
      const { asked, events } = await play({ list: ["a", "b"], version: "1" }, forgot, { list: ["b", "c"], version: "5" });
      assert.deepEqual(asked, [list, watch("1"), list, watch("5")]);
      assert.deepEqual(events, ["+a", "+b", "+b", "+c", "-a"]);
    }
  });
  it("waits longer each time while the server is away, and begins again with short waits", async () => {
    const away = new ApiError(503, { message: "away" });
    const { waited } = await play(away, away, away, { list: [], version: "1" }, away);
    assert.deepEqual(waited.slice(0, 4), [250, 500, 1000, 250]);
  });
  it("waits when streams end before anything was said", async () => {
    const { waited } = await play({ list: [], version: "1" }, { events: [] }, { events: [] });
    assert.deepEqual(waited.slice(0, 2), [250, 500]);
  });
  it("waits as long as the server asks", async () => {
    const { waited } = await play(new ApiError(429, { message: "slowly" }, 7000));
    assert.equal(waited[0], 7000);
  });
  it("forgets everything when its kind is gone", async () => {
    const { events, outcome } = await play({ list: ["a"], version: "1" }, new ApiError(404, { message: "no such kind" }));
    assert.deepEqual([events, outcome], [["+a", "-a"], "absent"]);
  });
});
