import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { waitFor } from "../bed/wait.ts";
import type { Answer } from "../envoy/client.ts";
import { Stage } from "../golden/stage.ts";
import { allCombinations, configuration, isAuthorized, isInvalid, objectsOf, probes, surroundings, tokens, verdict } from "./combinations.ts";
import type { Combination, Probe } from "./combinations.ts";

interface Condition {
  readonly status: string;
  readonly errors?: readonly { readonly type: string; readonly reason: string }[];
}

const combinations = allCombinations();

function describeCombination({ host: _host, ...features }: Combination): string {
  return Object.entries(features).flatMap(([key, value]) => (value === false || value === "none" || value === "inherit" ? [] : [value === true ? key : `${key} ${value}`])).join(", ") || "nothing";
}

for (const globally of [false, true]) {
  describe(`${combinations.length} combinations of what keeps strangers out, ${globally ? "with" : "without"} an authorization for all hosts`, { timeout: 600_000 }, () => {
    const stage = new Stage();
    before(async () => {
      await stage.open(configuration(globally) as ContourConfiguration);
      await stage.play([...surroundings(), ...combinations.flatMap(objectsOf)]);
      assert.deepEqual(stage.nacks, []);
      await waitFor(async () => (await ask(combinations[0] as Combination, { what: "", sni: "open", host: "open" })).status === 200, { what: "Envoy listens", intervalMs: 10 });
    });
    after(() => stage.close());

    const ask = async ({ host }: Combination, probe: Probe): Promise<Answer> => {
      const sni = { own: host, none: "", unknown: "nobody.example.com", open: "open.example.com", plain: "" }[probe.sni];
      const asked = { own: host, open: "open.example.com", capitals: host.toUpperCase() }[probe.host];
      const headers = { host: asked, ...(probe.user === true ? { "x-user": "good" } : {}), ...(probe.token === undefined ? {} : { authorization: `Bearer ${tokens[probe.token]}` }) };
      const none: Answer = { status: 0, headers: {}, body: "", echo: undefined, certificate: undefined };
      return stage.send({ url: `${probe.sni === "plain" ? "http" : "https"}://${asked.toLowerCase()}/`, sni, headers, status: 0, ...(probe.identity === undefined ? {} : { identity: probe.identity }) }).catch(() => none);
    };

    it("each is either invalid, for the reason that the fallback would lead around it, or valid", () => {
      for (const combination of combinations) {
        const [condition] = stage.statuses.get(`HTTPProxy/default/${combination.host.replace(".example.com", "")}`)?.status["conditions"] as readonly Condition[] | undefined ?? [];
        const reasons = condition?.errors?.map(({ type, reason }) => `${type} ${reason}`) ?? [];
        assert.deepEqual(reasons, isInvalid(combination) ? ["TLSError TLSIncompatibleFeatures"] : [], describeCombination(combination));
      }
    });

    for (const probe of probes) {
      it(`a client: ${probe.what}`, async () => {
        const wrong: string[] = [];
        for (const combination of combinations) {
          const wanted = verdict(combination, probe, globally);
          const { status, echo } = await ask(combination, probe);
          if (status !== wanted) wrong.push(`${describeCombination(combination)}: ${status}, not ${wanted}`);
          // Who passes was seen by the service that had to see it, and by no other.
          const by = echo === undefined || echo.headers["host"] === "open.example.com" ? undefined : echo.headers["x-authorized-by"];
          const service = isAuthorized(combination.authorization, globally) ? (combination.authorization === "inherit" ? "auth/everywhere" : "auth/own") : undefined;
          if (status === 200 && by !== service) wrong.push(`${describeCombination(combination)}: authorized by ${by}, not ${service}`);
        }
        assert.deepEqual(wrong, []);
      });
    }
  });
}
