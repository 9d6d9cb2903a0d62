import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { LiveConfiguration } from "#app/live-configuration";
import type { LiveChoices } from "#app/live-configuration";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";

const at = { address: "127.0.0.1", port: 8000 };
const base: LiveChoices = { settings: defaultSettings, envoySettings: defaultEnvoySettings, places: { xds: { address: "127.0.0.1", port: 8001 }, http: at, health: at, debug: at, envoyService: { namespace: "projectcontour", name: "envoy" } } };

interface Condition {
  readonly status: string;
  readonly observedGeneration: number;
  readonly errors?: readonly { readonly message: string }[];
  readonly warnings?: readonly { readonly message: string; readonly reason: string }[];
}

function world() {
  const [changes, lines, metric]: [LiveChoices[], string[], boolean[]] = [[], [], []];
  let condition: Condition | undefined;
  const log = pino({ level: "info" }, { write: (line) => void lines.push(line) });
  const live = new LiveConfiguration({ base, fixed: [["spec", "xdsServer"], ["spec", "metrics"]], watched: ["shop"], log, clock: () => 5000, metric: (taken) => void metric.push(taken) });
  live.follow({ changed: (choices) => void changes.push(choices), status: ({ status }) => void ([condition] = status["conditions"] as [Condition]) });
  let generation = 0;
  const write = (spec: ContourConfiguration["spec"]): void => live.take({ kind: "written", spec, describe: (path, message) => `${formatFieldPath(path)}: ${message}`, object: { namespace: "projectcontour", name: "contour", generation: ++generation } });
  return { live, write, changes, lines, metric, condition: () => condition };
}

describe("a configuration that changes", () => {
  it("is in force at once, and is valid in its status", async () => {
    const { live, write, changes, metric, condition, lines } = world();
    write({});
    assert.equal((await live.first).settings.disablePermitInsecure, false);
    write({ httpproxy: { disablePermitInsecure: true }, ingress: { statusAddress: "192.0.2.7" } });
    assert.deepEqual(changes.map(({ settings, places }) => [settings.disablePermitInsecure, places.statusAddresses]), [[true, [{ ip: "192.0.2.7" }]]]);
    assert.deepEqual([condition()?.status, condition()?.observedGeneration, metric], ["True", 2, [true, true]]);
    assert.match(lines.join(""), /"fields":\["spec.httpproxy.disablePermitInsecure","spec.ingress.statusAddress"\]/);
  });

  it("goes back to what the flags say where a field is taken away", () => {
    const { write, changes } = world();
    write({ httpproxy: { disablePermitInsecure: true } });
    write({});
    assert.deepEqual(changes.map(({ settings }) => settings), [defaultSettings]);
  });

  it("leaves the last good one in force when it is not valid, and the status names the field", () => {
    const { write, changes, metric, condition, lines } = world();
    write({ envoy: { timeouts: { connectTimeout: "3s" } } });
    write({ envoy: { timeouts: { connectTimeout: "soon" } }, httpproxy: { disablePermitInsecure: true } });
    assert.equal(changes.length, 0);
    assert.equal(condition()?.status, "False");
    assert.match(condition()?.errors?.[0]?.message ?? "", /^spec\.envoy\.timeouts\.connectTimeout: .*soon/);
    assert.match(lines.join(""), /the last good one stays in force/);
    write({ envoy: { timeouts: { connectTimeout: "4s" } } });
    assert.deepEqual([changes.map(({ settings }) => settings.connectTimeoutMs), condition()?.status, metric], [[4000], "True", [true, false, true]]);
  });

  it("stays in force when it is gone, and goes on when it is back", () => {
    const { live, write, changes, metric } = world();
    write({ httpproxy: { disablePermitInsecure: true } });
    live.take({ kind: "absent", reason: "it is gone" });
    assert.deepEqual([changes, metric], [[], [true, false]]);
    write({ httpproxy: { disablePermitInsecure: false } });
    assert.deepEqual([changes.length, metric], [1, [true, false, true]]);
  });

  it("says what counts only after a restart, until it is as it was", () => {
    const { write, changes, condition } = world();
    write({ metrics: { port: 8000 } });
    write({ metrics: { port: 9000 }, xdsServer: { tls: { caFile: "/ca" } }, httpproxy: { disablePermitInsecure: true } });
    assert.deepEqual([changes.length, condition()?.status], [1, "True"]);
    assert.deepEqual(condition()?.warnings?.map(({ reason, message }) => [reason, message.split(":")[0]]), [["RestartNeeded", "spec.metrics.port"], ["RestartNeeded", "spec.xdsServer.tls.caFile"]]);
    write({ metrics: { port: 8000 } });
    assert.equal(condition()?.warnings, undefined);
  });

  it("says what has no effect, and why", () => {
    const { write, condition } = world();
    write({ featureFlags: ["useEndpointSlices=true"], httpproxy: { rootNamespaces: ["shop", "blog"] } });
    assert.deepEqual(condition()?.warnings?.map(({ reason }) => reason), ["NoEffect", "NamespaceNotWatched"]);
    write({ featureFlags: ["fasterPlease"] });
    assert.match(condition()?.errors?.[0]?.message ?? "", /^spec\.featureFlags\[0\]: .*fasterPlease/);
  });

  it("is waited for at the start; what is wrong in the first one counts as not written", async () => {
    const { live, write, metric } = world();
    live.take({ kind: "absent", reason: "it does not exist" });
    write({ envoy: { timeouts: { connectTimeout: "soon" } }, httpproxy: { disablePermitInsecure: true } });
    const { settings } = await live.first;
    assert.deepEqual([settings.connectTimeoutMs, settings.disablePermitInsecure, metric], [2000, true, [false, false]]);
  });
});
