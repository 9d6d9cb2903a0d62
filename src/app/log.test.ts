import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "#app/log";
import type { LogFormat } from "#app/log";

function written(format: LogFormat, level: string, write: (log: ReturnType<typeof createLog>) => void): readonly string[] {
  const lines: string[] = [];
  write(createLog({ level, format, to: { write: (line) => void lines.push(line) } }));
  return lines;
}

const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----";

describe("the log", () => {
  it("is JSON with a time, a level by name and fields", () => {
    const [line = ""] = written("json", "info", (log) => log.info({ port: 8001 }, "serving"));
    const { time, ...rest } = JSON.parse(line) as { time: string };
    assert.deepEqual(rest, { level: "info", port: 8001, msg: "serving" });
    assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it("is logfmt as text", () => {
    const [line = ""] = written("text", "info", (log) => log.warn({ object: "HTTPProxy/shop/web", reason: 'a "quoted" reason' }, "no effect"));
    assert.match(line, /^time=\S+ level=warn msg="no effect" object=HTTPProxy\/shop\/web reason="a \\"quoted\\" reason"\n$/);
  });

  it("changes its level while it runs", () => {
    const lines = written("json", "info", (log) => {
      log.debug("before");
      log.level = "debug";
      log.debug("after");
    });
    assert.equal(lines.length, 1);
  });

  it("writes no key, token or password, wherever they come from", () => {
    for (const format of ["json", "text"] as const) {
      const lines = written(format, "info", (log) => {
        log.info({ pem: key, error: new Error(`cannot parse ${key}`), nested: { authorization: "Bearer abcdefghijklm", headers: [{ name: "x-api-key", value: "hunter2-hunter2" }] } }, "something");
        log.info({ reason: "header Authorization: Bearer abcdefghijklm was refused; eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklm" }, "other");
      });
      for (const secret of ["MIGHAgEAMBMG", "abcdefghijklm", "hunter2"]) assert.ok(!lines.join("").includes(secret), `${format}: ${lines.join("")}`);
    }
  });
});
