import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import { parseJsonFields, parseTextFormat } from "#settings/access-log";

const fieldProblem = (field: string): string => {
  const parsed = parseJsonFields([field]);
  return parsed.ok ? "" : parsed.error.message;
};
const textProblem = (text: string): string => {
  const parsed = parseTextFormat(text);
  return parsed.ok ? "" : parsed.error;
};

describe("fields of the access log", () => {
  for (const [field, message] of [
    ["authorty", /"authorty" is no field; write "authority", or name=%OPERATOR%/],
    ["x=%RESPONSE_COD%", /no operator %RESPONSE_COD%; did you mean %RESPONSE_CODE%\?/],
    ["x=%REQ%", /%REQ% needs an argument/],
    ["x=%DURATION(1)%", /%DURATION% has no argument/],
    ["x=%START_TIME(%s):5%", /cannot be shortened/],
    ["x=50%", /a % that begins no operator/],
  ] as const) {
    it(`refuse ${field}`, () => assert.match(fieldProblem(field), message));
  }
  it("take names, operators in lower case, and texts with operators", () => {
    assert.deepEqual(parseJsonFields(["ts", "route_name", "a=%REQ(X-A?X-B):10%/%DURATION%", "t=%START_TIME(%Y-%m-%d)%"]), { ok: true, value: { ts: "%START_TIME%", route_name: "%ROUTE_NAME%", a: "%REQ(X-A?X-B):10%/%DURATION%", t: "%START_TIME(%Y-%m-%d)%" } });
  });
  it("a text ends in a line break", () => {
    assert.match(textProblem("%DURATION%"), /does not end in a line break/);
    assert.equal(textProblem("%DURATION% 5%%\n"), "");
  });
  it("a configuration with a wrong one keeps the rest, and names the field", () => {
    const { errors, envoySettings } = configure({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, { envoy: { logging: { accessLogFormat: "json", accessLogJSONFields: ["ts", "nothing-known"], accessLogLevel: "error" } } });
    assert.deepEqual(errors.map(({ path }) => path.join(".")), ["spec.envoy.logging.accessLogJSONFields.1"]);
    assert.deepEqual([envoySettings.accessLogLevel, envoySettings.accessLogFormat], ["error", { kind: "default" }]);
  });
});
