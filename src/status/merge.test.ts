import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeStatus } from "#status/merge";

const [before, now] = ["2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"];
const merge = (desired: Record<string, unknown>, current?: Record<string, unknown>): unknown => mergeStatus(desired, current, now, "ours");
const condition = (status: string, rest: object = {}): object => ({ type: "Valid", status, reason: "R", ...rest });

describe("the status to write", () => {
  it("is nothing when the object says it already", () => {
    assert.equal(merge({ conditions: [condition("True")] }, { conditions: [condition("True", { lastTransitionTime: before })], other: 1 }), undefined);
  });
  it("keeps the time of a condition whose status stays, also when its text changes", () => {
    assert.deepEqual(merge({ conditions: [condition("True", { message: "new" })] }, { conditions: [condition("True", { lastTransitionTime: before, message: "old" })] }), { conditions: [condition("True", { message: "new", lastTransitionTime: before })] });
  });
  it("has the time of now where the status changes", () => {
    assert.deepEqual(merge({ conditions: [condition("False")] }, { conditions: [condition("True", { lastTransitionTime: before })] }), { conditions: [condition("False", { lastTransitionTime: now })] });
  });
  it("keeps conditions of types that are not ours, in their places", () => {
    const foreign = { type: "Foreign", status: "True" };
    assert.deepEqual(merge({ conditions: [condition("False")] }, { conditions: [foreign, condition("True", { lastTransitionTime: before })] }), { conditions: [foreign, condition("False", { lastTransitionTime: now })] });
  });
  it("keeps the parents of other controllers, and takes ours away when we have none", () => {
    const [theirs, ours] = [{ controllerName: "theirs", parentRef: { name: "t" }, conditions: [] }, { controllerName: "ours", parentRef: { name: "o" }, conditions: [] }];
    assert.deepEqual(merge({ parents: [ours] }, { parents: [theirs] }), { parents: [theirs, ours] });
    assert.deepEqual(merge({ parents: [] }, { parents: [theirs, ours] }), { parents: [theirs] });
    assert.equal(merge({ parents: [] }, { parents: [theirs] }), undefined);
  });
  it("takes addresses away by writing that there are none", () => {
    assert.deepEqual(merge({ loadBalancer: { ingress: [] } }, { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } }), { loadBalancer: { ingress: [] } });
    assert.equal(merge({ loadBalancer: { ingress: [] } }, { loadBalancer: {} }), undefined);
  });
});
