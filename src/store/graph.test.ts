import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Bug } from "#lib/bug";
import { family } from "#store/family";
import type { Rule } from "#store/family";
import { Graph } from "#store/graph";
import type { Fact } from "#store/graph";

const number = family<number>("number");
const parity = family<string>("parity");
const label = family<string>("label");
const summary = family<string>("summary");

const byParity: Rule = {
  name: "by-parity",
  over: number,
  derive(bucket, read, emit) {
    const value = read.one(number, bucket) ?? 0;
    emit(parity, value % 2 === 0 ? "even" : "odd", read.one(label, bucket) ?? bucket);
  },
};
const summarise: Rule = {
  name: "summarise",
  over: parity,
  derive(bucket, read, emit) {
    emit(summary, bucket, read.all(parity, bucket).join("+") + (read.any(number, "b") ? "!" : ""));
  },
};
const put = (key: string, value?: number): Fact => ({ family: number, bucket: key, publisher: "source", items: value === undefined ? [] : [value] });
const name = (key: string, text?: string): Fact => ({ family: label, bucket: key, publisher: "source", items: text === undefined ? [] : [text] });
const newGraph = (): Graph => new Graph([byParity, summarise], [summary]);

describe("Graph", () => {
  it("derives facts and tells which watched buckets changed", () => {
    const changes = newGraph().commit([put("a", 1), put("c", 3)]);
    assert.deepEqual([...(changes.get(summary) ?? [])], [["odd", ["a+c"]]]);
  });
  it("runs only what read what changed", () => {
    const graph = newGraph();
    graph.commit([put("a", 1), put("c", 4)]);
    const before = graph.runs;
    graph.commit([put("a", 3)]);
    assert.equal(graph.runs - before, 1, "the parity of a stays, so nothing above it runs");
  });
  it("notices what was absent and appears", () => {
    const graph = newGraph();
    graph.commit([put("a", 1)]);
    assert.deepEqual(graph.commit([name("a", "first")]).get(summary)?.get("odd"), ["first"]);
    assert.deepEqual(graph.commit([name("a")]).get(summary)?.get("odd"), ["a"]);
  });
  it("looks again at mere presence only when that changes", () => {
    const graph = newGraph();
    graph.commit([put("a", 1), put("b", 2)]);
    const before = graph.runs;
    graph.commit([put("b", 4)]);
    assert.equal(graph.runs - before, 1);
    assert.deepEqual(graph.commit([put("b")]).get(summary)?.get("odd"), ["a"]);
  });
  it("takes back what a vanished unit said", () => {
    const graph = newGraph();
    graph.commit([put("a", 1)]);
    assert.deepEqual(graph.commit([put("a")]).get(summary)?.get("odd"), []);
    assert.deepEqual([...graph.buckets(parity)], []);
  });
  it("refuses a rule that changes what an earlier rule reads", () => {
    const loop: Rule = { name: "loop", over: parity, derive: (bucket, _read, emit) => emit(label, "a", bucket) };
    assert.throws(() => new Graph([byParity, loop], []).commit([put("a", 1)]), Bug);
  });
  it("is the same incrementally as from scratch, for any sequence of events", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const event = fc.oneof(fc.tuple(key, fc.option(fc.nat(5), { nil: undefined })).map(([k, v]) => put(k, v)), fc.tuple(key, fc.option(fc.constantFrom("x", "y"), { nil: undefined })).map(([k, v]) => name(k, v)));
    fc.assert(
      fc.property(fc.array(fc.array(event, { maxLength: 4 }), { maxLength: 12 }), (commits) => {
        const incremental = newGraph();
        for (const facts of commits) incremental.commit(facts);
        const scratch = newGraph();
        scratch.commit([...new Map(commits.flat().map((fact) => [`${fact.family.name} ${fact.bucket}`, fact])).values()]);
        const all = (graph: Graph): unknown => [...graph.buckets(summary)].toSorted();
        assert.deepEqual(all(incremental), all(scratch));
      }),
    );
  });
});
