import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";

const read = (spec: ContourConfiguration["spec"]) => configure({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, spec);
const errorsOf = (spec: ContourConfiguration["spec"]): readonly string[] => read(spec).errors.map(({ path, message }) => `${formatFieldPath(path)}: ${message}`);

describe("HTTP/3 in a configuration", () => {
  it("is off unless it is written, and leaves TCP what is written beside it", () => {
    assert.deepEqual([read({}).settings.http3, read({ envoy: { defaultHTTPVersions: ["HTTP/1.1", "HTTP/2"] } }).settings.http3], [false, false]);
    const { settings, envoySettings, errors } = read({ envoy: { defaultHTTPVersions: ["HTTP/2", "HTTP/3"] } });
    assert.deepEqual([settings.http3, envoySettings.httpVersions, errors], [true, ["HTTP/2"], []]);
  });

  it("is refused by itself, and so are versions that there are not", () => {
    assert.deepEqual(errorsOf({ envoy: { defaultHTTPVersions: ["HTTP/3"] } }), ["spec.envoy.defaultHTTPVersions: HTTP/3 by itself is not found by clients: write HTTP/1.1 or HTTP/2 beside it"]);
    assert.deepEqual(errorsOf({ envoy: { defaultHTTPVersions: ["HTTP/2", "h3"] } }), ['spec.envoy.defaultHTTPVersions[1]: "h3" is no version; write HTTP/1.1, HTTP/2 or HTTP/3']);
  });
});

describe("metrics over TLS in a configuration", () => {
  const tls = { certFile: "/certs/tls.crt", keyFile: "/certs/tls.key", caFile: "/certs/ca.crt" };

  it("leave `/ready` where it was", () => {
    const { envoySettings, errors } = read({ envoy: { metrics: { port: 8003, tls } } });
    assert.deepEqual([envoySettings.stats.port, envoySettings.health, envoySettings.statsTls, errors], [8003, { address: "0.0.0.0", port: 8002 }, tls, []]);
  });

  it("are refused at the port of `/ready`, which goes on as it was", () => {
    assert.match(errorsOf({ envoy: { metrics: { tls } } }).join(), /^spec\.envoy\.metrics\.port: metrics with TLS cannot have port 8002/);
    assert.equal(read({ envoy: { metrics: { tls } } }).envoySettings.statsTls, undefined);
  });

  it("need a certificate and its key", () => {
    assert.deepEqual(errorsOf({ metrics: { tls: { caFile: "/ca" } }, envoy: { metrics: { port: 8003, tls: { certFile: "/c" } } } }).map((text) => text.split(":")[0]), ["spec.metrics.tls.certFile", "spec.metrics.tls.keyFile", "spec.envoy.metrics.tls.keyFile"]);
  });
});

describe("access logs over OTLP in a configuration", () => {
  const otlp = { extensionService: { namespace: "telemetry", name: "collector" } };

  it("have a record for which nothing has to be chosen", () => {
    const { envoySettings, settings } = read({ envoy: { logging: { otlp } } });
    assert.equal(envoySettings.accessLogOtlp?.serviceName, "contour");
    assert.match(envoySettings.accessLogOtlp?.line ?? "", /RESPONSE_CODE/);
    assert.equal(envoySettings.accessLogOtlp?.fields["method"], "%REQ(:METHOD)%");
    assert.deepEqual(settings.telemetryClusters, ["extension/telemetry/collector"]);
  });

  it("say each wrong text and field once, whatever the file looks like", () => {
    for (const accessLogFormat of ["envoy", "json"]) {
      const errors = errorsOf({ envoy: { logging: { otlp, accessLogFormat, accessLogFormatString: "%RESPONSE_COD%\n", accessLogJSONFields: ["methud"] } } });
      assert.deepEqual(errors.map((text) => text.split(":")[0]).toSorted(), ["spec.envoy.logging.accessLogFormatString", "spec.envoy.logging.accessLogJSONFields[0]"]);
    }
  });
});
