import { equalValues } from "#lib/equal";

type Json = Readonly<Record<string, unknown>>;

interface Condition extends Json {
  readonly type: string;
  readonly status: string;
}

/**
 * The status to write: what is desired, with times of conditions kept where they did not change, and with what others wrote kept:
 * conditions of types that we never set (`ownTypes` are those that we do), and parents and ancestors of other controllers. Undefined when the object says all of it already.
 */
export function mergeStatus(desired: Json, current: Json | undefined, now: string, controllerName: string, ownTypes: readonly string[] = []): Json | undefined {
  const merged: Record<string, unknown> = { ...desired };
  if (Array.isArray(desired["conditions"])) merged["conditions"] = mergeConditions(desired["conditions"] as Condition[], listOf<Condition>(current?.["conditions"]), now, (type) => !ownTypes.includes(type));
  if (Array.isArray(desired["listeners"])) merged["listeners"] = (desired["listeners"] as Json[]).map((listener) => withConditions(listener, listOf<Json>(current?.["listeners"]).find((other) => other["name"] === listener["name"]), now));
  for (const [list, ref] of [["parents", "parentRef"], ["ancestors", "ancestorRef"]] as const) {
    if (Array.isArray(desired[list])) merged[list] = mergeEntries(desired[list] as Json[], listOf<Json>(current?.[list]), ref, now, controllerName);
  }
  const unchanged = Object.entries(merged).every(([key, value]) => equalValues(withoutEmptyLists(value), withoutEmptyLists(current?.[key])));
  return unchanged ? undefined : merged;
}

/** The API server leaves empty lists of `loadBalancer` out, so that they are no difference; merging needs them written to remove what was there. */
function withoutEmptyLists(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => !(Array.isArray(inner) && inner.length === 0));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function listOf<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

function withConditions(part: Json, current: Json | undefined, now: string): Json {
  return { ...part, conditions: mergeConditions(listOf<Condition>(part["conditions"]), listOf<Condition>(current?.["conditions"]), now, () => false) };
}

function mergeConditions(desired: readonly Condition[], current: readonly Condition[], now: string, isForeign: (type: string) => boolean): readonly Json[] {
  const ours = desired.map((condition) => {
    const before = current.find((other) => other.type === condition.type);
    return { ...condition, lastTransitionTime: before?.status === condition.status && typeof before["lastTransitionTime"] === "string" ? before["lastTransitionTime"] : now };
  });
  const foreign = current.filter(({ type }) => isForeign(type) && !desired.some((condition) => condition.type === type));
  // The order that is there is kept, so that nothing is written only because lists are ordered differently.
  const place = (type: string): number => (current.findIndex((other) => other.type === type) + 1 || current.length + 1) - 1;
  return [...ours, ...foreign].toSorted((a, b) => place(String(a.type)) - place(String(b.type)));
}

function mergeEntries(desired: readonly Json[], current: readonly Json[], ref: string, now: string, controllerName: string): readonly Json[] {
  const ours = desired.map((entry) => withConditions(entry, current.find((other) => other["controllerName"] === entry["controllerName"] && equalValues(other[ref], entry[ref])), now));
  return [...current.filter((other) => other["controllerName"] !== controllerName), ...ours];
}
