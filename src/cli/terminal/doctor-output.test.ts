import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Diagnosis } from "#app/doctor/diagnose";
import { doctorOutput } from "#cli/terminal/doctor-output";

const diagnosis: Diagnosis = {
  cnis: [{ name: "Flannel", mode: "vxlan", evidence: "annotations", enforcesPolicies: false, traits: ["it enforces nothing"], hostNetworkHint: "" }],
  routes: 2, backends: 1, envoysLeftOut: 1, notes: ["something"],
  envoys: [{ name: "envoy", namespace: "projectcontour", node: "n1", network: "pod", fleet: "", probed: 1, of: 2, mtu: 1450, latency: [{ way: "other-node", family: "IPv6", endpoints: 1, connectMs: 1.5, answerMs: 3 }] }],
  findings: [
    { id: "refused", severity: "error", who: "HTTPProxy shop/web spec.routes[0]", where: "Service shop/web:80", what: "nobody listens", fix: "listen" },
    { id: "object-warning", severity: "warning", who: "HTTPProxy shop/web spec", where: "", what: "no effect", fix: "remove it" },
    { id: "mtu", severity: "error", who: "HTTPProxy shop/a, HTTPProxy shop/b", where: "from Envoy e", what: "large ones vanish", fix: "the MTU" },
  ],
};
const lines = (grouped: boolean): readonly string[] => stripVTControlCharacters(doctorOutput(diagnosis, grouped)).trimEnd().split("\n");
const head = ["network  Flannel, vxlan (annotations)", "         it enforces nothing", "envoy    projectcontour/envoy on n1: pod network, 1 of 2 endpoints, MTU 1450, other nodes IPv6 connect 1.5 ms answer 3 ms", "note     1 more Envoys were not looked at (--max-envoys)", "note     something"];
const end = "2 routes, 1 backend, 1 Envoy: 2 errors, 1 warning";

describe("what the doctor writes", () => {
  it("in a pipe has one line for each finding", () => {
    assert.deepEqual(lines(false), [
      ...head,
      "error    refused: HTTPProxy shop/web spec.routes[0], Service shop/web:80: nobody listens; fix: listen",
      "warning  object-warning: HTTPProxy shop/web spec: no effect; fix: remove it",
      "error    mtu: HTTPProxy shop/a, HTTPProxy shop/b, from Envoy e: large ones vanish; fix: the MTU",
      end,
    ]);
  });
  it("on a terminal is grouped by object", () => {
    assert.deepEqual(lines(true), [
      ...head, "", "HTTPProxy shop/web", "  ✗ nobody listens [refused]", "    spec.routes[0], Service shop/web:80", "    fix: listen", "  ! no effect [object-warning]", "    spec", "    fix: remove it",
      "", "several objects", "  ✗ large ones vanish [mtu]", "    HTTPProxy shop/a, HTTPProxy shop/b, from Envoy e", "    fix: the MTU", "", end,
    ]);
  });
  it("says so where nothing is wrong", () => assert.equal(stripVTControlCharacters(doctorOutput({ ...diagnosis, findings: [] }, true)).trimEnd().split("\n").at(-1), "2 routes, 1 backend, 1 Envoy: nothing is wrong"));
});
