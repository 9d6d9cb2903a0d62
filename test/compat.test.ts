import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { certificateWarnings, trustWarnings } from "#conditions/certificate";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import { Graph } from "#store/graph";
import type { Family } from "#store/family";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import { objectKey, objects, statuses } from "#translate/facts";
import { translationRules } from "#translate/rules";

interface SubCondition {
  readonly type: string;
  readonly reason: string;
}

interface ValidCondition {
  readonly status: string;
  readonly reason: string;
  readonly errors?: readonly SubCondition[];
  readonly warnings?: readonly SubCondition[];
}

interface Story {
  readonly name: string;
  readonly settings: { readonly rootNamespaces: readonly string[]; readonly fallbackCertificate: { readonly Namespace: string; readonly Name: string } | null };
  readonly objects: readonly KubeObject[];
  readonly expected: ReadonlyArray<{ readonly httpproxyValidCondition?: ReadonlyArray<{ readonly namespace: string; readonly name: string; readonly validCondition: ValidCondition }> }>;
}

/** Go Contour has no GatewayClass in these two stories: its Gateway is the one that its configuration names. */
const attached = { gatewayRef: { namespace: "projectcontour", name: "contour" } };
const gatewayClass: KubeObject = { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "contour-gc" }, ...{ spec: { controllerName: defaultSettings.gatewayControllerName } } };

const folder = new URL("../testdata/compat/status/", import.meta.url);
const stories = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Story);

function settingsOf(story: Story): Settings {
  const { rootNamespaces, fallbackCertificate: fallback } = story.settings;
  const gateway = story.objects.some(({ kind }) => kind === "Gateway") ? attached : {};
  return { ...defaultSettings, ...gateway, rootNamespaces, ...(fallback === null ? {} : { fallbackCertificate: { namespace: fallback.Namespace, name: fallback.Name } }) };
}

function conditionsOf(story: Story): ReadonlyMap<string, ValidCondition> {
  const graph = new Graph(translationRules(settingsOf(story)), []);
  graph.commit([...story.objects, gatewayClass].map((object) => ({ family: objects(object.kind as KindName) as Family<unknown>, bucket: objectKey(object.metadata.namespace ?? "", object.metadata.name), publisher: "source", items: [object] })));
  return new Map([...graph.buckets(statuses)].flatMap(([key, [status]]) => (status?.kind !== "HTTPProxy" ? [] : [[key, (status.status as { conditions: readonly ValidCondition[] }).conditions[0] as ValidCondition]])));
}

/** What Go Contour does not look at: the certificates of its stories are for other hosts, and their lists of other authorities. */
const ours: readonly string[] = [...certificateWarnings, ...trustWarnings];
const typesAndReasons = (found: readonly SubCondition[] | undefined): readonly string[] => (found ?? []).filter(({ reason }) => !ours.includes(reason)).map(({ type, reason }) => `${type}/${reason}`).toSorted();

describe("the types and reasons of Go Contour", () => {
  for (const story of stories) {
    it(story.name, () => {
      const found = conditionsOf(story);
      for (const { namespace, name, validCondition: wanted } of story.expected.flatMap((entry) => entry.httpproxyValidCondition ?? [])) {
        const condition = found.get(`HTTPProxy/${namespace}/${name}`);
        const shape = (from: ValidCondition | undefined): unknown => ({ object: `${namespace}/${name}`, status: from?.status, reason: from?.reason, errors: typesAndReasons(from?.errors), warnings: typesAndReasons(from?.warnings) });
        assert.deepEqual(shape(condition), shape(wanted), JSON.stringify(condition, undefined, 1));
      }
    });
  }
});
