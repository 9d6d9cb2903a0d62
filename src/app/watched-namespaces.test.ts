import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { namespaceProblem, namespacesOf } from "#app/watched-namespaces";
import { kinds } from "#k8s/kinds";

const none = { all: [], secrets: [] };

describe("the namespaces that are looked at", () => {
  it("are all of them unless named", () => assert.equal(namespacesOf(kinds.Secret, none, "projectcontour"), undefined));
  it("can be fewer for Secrets than for all else", () => {
    const chosen = { all: ["a", "b"], secrets: ["a"] };
    assert.deepEqual(namespacesOf(kinds.Secret, chosen, "projectcontour"), ["a"]);
    assert.deepEqual(namespacesOf(kinds.HTTPProxy, chosen, "projectcontour"), ["a", "b"]);
    assert.equal(namespacesOf(kinds.HTTPProxy, { ...none, secrets: ["a"] }, "projectcontour"), undefined);
  });
  it("always have the Service of Envoy and its endpoints, and do not limit what has no namespace", () => {
    assert.deepEqual(namespacesOf(kinds.Service, { all: ["a"], secrets: [] }, "projectcontour"), ["a", "projectcontour"]);
    assert.deepEqual(namespacesOf(kinds.EndpointSlice, { all: ["a"], secrets: [] }, "projectcontour"), ["a", "projectcontour"]);
    assert.equal(namespacesOf(kinds.GatewayClass, { all: ["a"], secrets: [] }, "projectcontour"), undefined);
  });
  it("have the root namespaces", () => {
    assert.match(namespaceProblem({ all: ["a"], secrets: [] }, ["a", "team"]) ?? "", /leaves out team/);
    assert.equal(namespaceProblem(none, ["team"]), undefined);
  });
});
