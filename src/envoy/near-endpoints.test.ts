import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildEndpoints } from "#envoy/endpoint";
import { hasNear, NearEndpoints } from "#envoy/near-endpoints";
import type { Viewpoint } from "#envoy/near-endpoints";
import { ClusterLoadAssignment } from "#gen/envoy/envoy/config/endpoint/v3/endpoint";
import type { Endpoint, Endpoints } from "#model/cluster";

const endpoint = (last: number, zone: string, node: string): Endpoint => ({ address: `10.0.0.${last}`, port: 80, nearZones: [zone], nearNodes: [node] });
const three: Endpoints = { name: "d/web", endpoints: [endpoint(1, "a", "n1"), endpoint(2, "a", "n2"), endpoint(3, "b", "n3")] };

/** Last bytes of the addresses in each priority: `1,2 > 3`. */
function order(endpoints: Endpoints, from: Viewpoint): string | undefined {
  const near = new NearEndpoints(endpoints);
  const viewpoint = near.viewpoint(from);
  if (viewpoint === undefined) return undefined;
  const assignment = ClusterLoadAssignment.decode(near.encode(viewpoint));
  assert.deepEqual(assignment.endpoints.map(({ priority }) => priority), assignment.endpoints.map((_, i) => i));
  const last = (group: (typeof assignment.endpoints)[number]): string => group.lbEndpoints.map(({ hostIdentifier }) => (hostIdentifier?.$case === "endpoint" ? JSON.stringify(hostIdentifier.value.address).match(/10\.0\.0\.(\d)/)?.[1] : "")).join(",");
  return assignment.endpoints.map(last).join(" > ");
}

describe("endpoints, seen from a place", () => {
  it("are those of the node, then those of the zone, then all others", () => {
    assert.equal(order(three, { zone: "a", node: "n1" }), "1 > 2 > 3");
    assert.equal(order(three, { zone: "a", node: "n9" }), "1,2 > 3");
    assert.equal(order(three, { zone: "a", node: "n3" }), "3 > 1,2");
    assert.equal(order(three, { zone: "", node: "n3" }), "3 > 1,2");
  });

  it("are as for all others where none is near", () => {
    assert.deepEqual([order(three, { zone: "c", node: "" }), order(three, { zone: "", node: "" })], [undefined, undefined]);
    assert.equal(order({ name: "d/one", endpoints: [endpoint(1, "a", "n1")] }, { zone: "a", node: "" }), "1");
  });

  it("say the same about each endpoint as without places", () => {
    const checked: Endpoints = { name: "d/web", endpoints: [{ ...endpoint(1, "a", "n1"), healthCheckPort: 81 }] };
    assert.deepEqual(Buffer.from(new NearEndpoints(checked).encode({ zone: "a", node: "" })), Buffer.from(buildEndpoints(checked)));
  });

  it("are asked for only where hints count", () => assert.deepEqual([hasNear(three), hasNear({ name: "d/web", endpoints: [{ address: "10.0.0.1", port: 80 }] }), hasNear({ name: "d/web", endpoints: [] })], [true, false, false]));
});
