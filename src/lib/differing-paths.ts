import { equalValues } from "#lib/equal";

type Json = Readonly<Record<string, unknown>>;

/** Where two JSON values differ, down to values that are no mappings; a list is one value. In the order of names. */
export function differingPaths(a: unknown, b: unknown, above: readonly string[] = []): readonly (readonly string[])[] {
  if (equalValues(a, b)) return [];
  if (!isMapping(a) || !isMapping(b)) return leavesOf(isMapping(a) ? a : b, above);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted().flatMap((name) => differingPaths(a[name], b[name], [...above, name]));
}

/** What appears or vanishes as a whole is told by what is in it. */
function leavesOf(value: unknown, above: readonly string[]): readonly (readonly string[])[] {
  if (!isMapping(value) || Object.keys(value).length === 0) return [above];
  return Object.keys(value).toSorted().flatMap((name) => leavesOf(value[name], [...above, name]));
}

function isMapping(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
