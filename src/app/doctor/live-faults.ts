import type { Pipeline } from "#app/pipeline";
import type { ObjectFault } from "#doctor/view";
import { refKey } from "#k8s/object";
import type { KubeObject } from "#k8s/object";
import { statuses } from "#translate/facts";

interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly errors?: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
}

type Part = { readonly conditions?: readonly LiveCondition[] };

interface LiveStatus extends Part {
  readonly parents?: readonly Part[];
  readonly listeners?: readonly Part[];
  readonly ancestors?: readonly Part[];
}

/** All conditions of a status: of the object, and of its parts. */
function conditionsOf({ conditions = [], parents = [], listeners = [], ancestors = [] }: LiveStatus): readonly LiveCondition[] {
  return [...conditions, ...[...parents, ...listeners, ...ancestors].flatMap((part) => part.conditions ?? [])];
}

/** What of an object the controller, and the API server, have said. */
export interface LiveObject {
  readonly generation: number;
  /** When it was changed the last time, but for its status, in milliseconds since 1970. */
  readonly changedAt: number;
  readonly status: LiveStatus;
}

interface ManagedEntry {
  readonly time?: string;
  readonly subresource?: string;
}

/** Reads an object as the API server gives it. */
export function liveObject(object: KubeObject): LiveObject {
  const { metadata, status = {} } = object as KubeObject & { readonly metadata: { readonly managedFields?: readonly ManagedEntry[] }; readonly status?: LiveStatus };
  const times = (metadata.managedFields ?? []).filter(({ subresource = "" }) => subresource === "").map(({ time = "" }) => Date.parse(time));
  return { generation: metadata.generation ?? 0, changedAt: Math.max(Date.parse(metadata.creationTimestamp ?? "") || 0, ...times.filter((time) => !Number.isNaN(time))), status };
}

/** A controller needs some time; and clocks differ. */
const patienceMs = 30_000;

/** What statuses say that only the controller can know: what Envoy refused, what is not programmed, and what it has not looked at. */
export function liveFaults({ graph }: Pipeline, live: ReadonlyMap<string, LiveObject>, now: number): readonly ObjectFault[] {
  return [...graph.buckets(statuses)].flatMap(([, [desired]]) => {
    const object = desired === undefined ? undefined : live.get(refKey(desired));
    if (desired === undefined || object === undefined || desired.kind === "Ingress") return [];
    const { kind, namespace, name } = desired;
    const fault = (reason: string, message: string): ObjectFault => ({ severity: "error", kind, namespace, name, field: "spec", reason, message });
    const { status, generation } = object;
    if (conditionsOf(desired.status as LiveStatus).length === 0) return [];
    const all = conditionsOf(status);
    const current = all.filter(({ observedGeneration }) => observedGeneration === generation);
    if (current.length === 0) return now - object.changedAt < patienceMs ? [] : [fault("NotTaken", `its status ${all.length === 0 ? "says nothing" : "is about an older version of it"}: no controller has taken it up`)];
    return current.flatMap((condition) => [
      ...(condition.errors ?? []).filter(({ type }) => type === "EnvoyError").map(({ reason, message }) => fault(reason, message)),
      ...(condition.type === "Programmed" && condition.status === "False" ? [fault("NotProgrammed", `Programmed is False (${condition.reason ?? ""}): ${condition.message ?? ""}`)] : []),
    ]);
  });
}
