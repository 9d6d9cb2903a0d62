import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KubeObject } from "#k8s/object";
import { createAuthority } from "../bed/pki.ts";
import { waitFor } from "../bed/wait.ts";
import { startHttp3Client } from "../envoy/http3-client.ts";
import type { Http3Client } from "../envoy/http3-client.ts";
import { parsed } from "../golden/parsed.ts";
import { Stage } from "../golden/stage.ts";
import { allCombinations, configuration, isInvalid, objectsOf, probes, surroundings, tokens, verdict } from "./combinations.ts";
import type { Combination, Probe } from "./combinations.ts";

const combinations = allCombinations();
const withHttp3 = (): ContourConfiguration => {
  const { spec, ...rest } = configuration(true);
  return { ...rest, spec: { ...spec, envoy: { defaultHTTPVersions: ["HTTP/1.1", "HTTP/2", "HTTP/3"] } } } as ContourConfiguration;
};
/** Without SNI, or TLS, there is no QUIC here; and no client certificates, so that probes about those are one. */
const overQuic = probes.filter(({ sni, identity, what }) => sni !== "none" && sni !== "plain" && identity !== "stranger" && what !== "no client certificate");
/** As over TCP; only hosts with client certificates send everybody there, whatever they bring. */
const quicVerdict = (combination: Combination, probe: Probe): number => (combination.clientValidation && !isInvalid(combination) && probe.sni === "own" ? 421 : verdict(combination, probe, true));

/** Requests that are under way at a time: the services behind them are on this machine, too. */
const atOnce = 8;

describe(`${combinations.length} combinations of what keeps strangers out, over HTTP/3`, { timeout: 600_000 }, () => {
  const stage = new Stage();
  let client: Http3Client;
  const ask = async ({ host }: Combination, probe: Probe): Promise<number> => {
    const sni = { own: host, unknown: "nobody.example.com", open: "open.example.com", none: "", plain: "" }[probe.sni];
    const asked = { own: host, open: "open.example.com", capitals: host.toUpperCase() }[probe.host];
    const headers = { ...(probe.user === true ? { "x-user": "good" } : {}), ...(probe.token === undefined ? {} : { authorization: `Bearer ${tokens[probe.token]}` }) };
    return client.send({ port: stage.port(8443), host: asked, sni, headers }).then(({ status }) => status, () => 0);
  };
  before(async () => {
    client = await startHttp3Client("shared");
    const authority = await createAuthority("http3");
    // The client of these tests wants certificates of the name that it asked for.
    const certificates = await Promise.all(["shop", "other", "fallback"].map(async (name): Promise<KubeObject> => {
      const { certificate, key } = await authority.issue({ subject: `CN=${name}`, use: "server", dnsNames: ["*.example.com"] });
      return parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } });
    }));
    await stage.open(withHttp3());
    await stage.play([...surroundings(), ...certificates, ...combinations.flatMap(objectsOf)]);
    assert.deepEqual(stage.nacks, []);
    await waitFor(async () => (await ask(combinations[0] as Combination, { what: "", sni: "open", host: "open" })) === 200, { what: "Envoy takes HTTP/3", intervalMs: 10 });
  });
  after(async () => {
    await client?.stop();
    await stage.close();
  });

  for (const probe of overQuic) {
    it(`a client: ${probe.what}`, async () => {
      const got: number[] = [];
      for (let i = 0; i < combinations.length; i += atOnce) got.push(...(await Promise.all(combinations.slice(i, i + atOnce).map((combination) => ask(combination, probe)))));
      const wrong = combinations.flatMap((combination, i) => (got[i] === quicVerdict(combination, probe) ? [] : [`${JSON.stringify(combination)}: ${got[i]}, not ${quicVerdict(combination, probe)}`]));
      assert.deepEqual(wrong, []);
    });
  }
});
