import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { family } from "#store/family";
import type { Rule } from "#store/family";
import { Graph } from "#store/graph";
import type { Changes } from "#store/graph";
import { Parameters, RunningRule } from "#store/parameters";

interface Choices {
  readonly greeting: string;
  readonly mark?: string;
}

const names = family<string>("names");
const greetings = family<string>("greetings");
const copies = family<string>("copies");

function world(): { readonly choices: Parameters<Choices>; readonly graph: Graph } {
  const running = new RunningRule();
  const choices = new Parameters<Choices>(running, { greeting: "hello" });
  const greet: Rule = { name: "greet", over: names, derive: (bucket, _, emit) => emit(greetings, bucket, `${choices.live.greeting} ${bucket}`) };
  const copy: Rule = { name: "copy", over: names, derive: (bucket, _, emit) => emit(copies, bucket, JSON.stringify({ ...choices.live })) };
  const plain: Rule = { name: "plain", over: names, derive() {} };
  const graph = new Graph([greet, copy, plain], [greetings, copies], running);
  graph.commit(["ann", "bob"].map((bucket) => ({ family: names, bucket, publisher: "test", items: [bucket] })));
  return { choices, graph };
}

function rerun(graph: Graph, rules: Iterable<number>): Changes {
  graph.rerun(rules);
  graph.work();
  return graph.changes();
}

describe("parameters of rules", () => {
  it("that change run those rules again that read them, over all that they have", () => {
    const { choices, graph } = world();
    const before = new Map(graph.runsByRule());
    const changes = rerun(graph, choices.replace({ greeting: "bye" }));
    assert.deepEqual(changes.get(greetings), new Map([["ann", ["bye ann"]], ["bob", ["bye bob"]]]));
    assert.deepEqual([...graph.runsByRule()].map(([rule, runs]) => [rule, runs - (before.get(rule) ?? 0)]), [["greet", 2], ["copy", 2], ["plain", 0]]);
  });

  it("that were absent are news for who copied the whole, and for no other", () => {
    const { choices, graph } = world();
    const changes = rerun(graph, choices.replace({ greeting: "hello", mark: "!" }));
    assert.deepEqual([changes.has(greetings), changes.get(copies)?.get("ann")], [false, ['{"greeting":"hello","mark":"!"}']]);
    rerun(graph, choices.replace({ greeting: "hello" }));
    assert.deepEqual(graph.items(copies, "ann"), ['{"greeting":"hello"}']);
  });

  it("that are equal run nothing", () => {
    const { choices, graph } = world();
    const { runs } = graph;
    rerun(graph, choices.replace({ greeting: "hello" }));
    assert.equal(graph.runs, runs);
  });

  it("may not be read while a rule is made: it would keep an old one", () => {
    const choices = new Parameters<Choices>(new RunningRule(), { greeting: "hello" });
    assert.throws(() => choices.live.greeting, /greeting is read while a rule is made; read it in derive/);
  });
});
