import { readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { compareText } from "#lib/compare";
import { parseFieldPath, refKey, refOf } from "#k8s/object";
import type { KubeObject, ObjectRef } from "#k8s/object";
import { parseManifest } from "#sources/file/manifest";
import type { Manifest, ManifestObject, ManifestProblem, Place } from "#sources/file/manifest";

const extensions = new Set([".yaml", ".yml", ".json"]);

/** Whether a file is read by its name: manifests end in .yaml, .yml or .json, hidden files are left out. */
export function isManifestFile(path: string): boolean {
  return extensions.has(extname(path)) && !/(^|\/)\.[^/]+$/.test(path);
}

/** All manifest files of files and folders, nested ones included, in the order of their names. Throws when a path does not exist. */
export function listManifestFiles(paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => {
    if (path === "-") return [path];
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) throw new Error(`there is no file or folder ${JSON.stringify(path)}; name manifests or a folder of them`);
    if (!stats.isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name)).filter((file) => isManifestFile(file) && !file.includes("/node_modules/"));
  });
  return [...new Set(found)].toSorted(compareText);
}

/** All objects of some files at one moment. */
export interface FileSnapshot {
  readonly objects: readonly KubeObject[];
  readonly problems: readonly { readonly severity: "error" | "warning"; readonly text: string }[];
  /** Where a field, written as `spec.routes[0]`, stands: `file:line:column`. */
  locateField(ref: ObjectRef, field: string): string | undefined;
}

/** Reads files and folders once; `-` is standard input. */
export function readFiles(paths: readonly string[]): FileSnapshot {
  const manifests = listManifestFiles(paths).map((file) => parseManifest(file === "-" ? "<stdin>" : file, readFileSync(file === "-" ? 0 : file, "utf8")));
  const { objects, problems } = mergeManifests(manifests);
  return {
    objects: [...objects.values()].map((entry, i) => withIdentity(entry.object, i)),
    problems: problems.map(({ severity, place, message }) => ({ severity, text: `${formatPlace(place)}: ${message}` })),
    locateField(ref, field) {
      const found = objects.get(refKey(ref));
      return found === undefined ? undefined : formatPlace(found.locate(parseFieldPath(field)));
    },
  };
}

/** The objects of several files; one that stands in two places counts where it stands first, and is reported. */
export function mergeManifests(manifests: readonly Manifest[]): { readonly objects: ReadonlyMap<string, ManifestObject>; readonly problems: readonly ManifestProblem[] } {
  const objects = new Map<string, ManifestObject>();
  const problems = manifests.flatMap((manifest) => manifest.problems);
  for (const entry of manifests.flatMap((manifest) => manifest.objects)) {
    const ref = refOf(entry.object);
    const first = objects.get(refKey(ref));
    if (first === undefined) objects.set(refKey(ref), entry);
    else problems.push({ severity: "error", place: entry.place, message: `${ref.kind} ${ref.namespace === "" ? "" : `${ref.namespace}/`}${ref.name} is defined at ${formatPlace(first.place)} already; remove one of them` });
  }
  return { objects, problems };
}

/** Files know no creation time or generation; conflict rules need the first, so the order of files stands in for it. */
export function withIdentity(object: KubeObject, order: number, generation = 1): KubeObject {
  const creationTimestamp = new Date(Date.UTC(2000, 0, 1) + order * 1000).toISOString().replace(".000Z", "Z");
  return { ...object, metadata: { creationTimestamp, ...object.metadata, generation } };
}

/** A place as compilers write it. */
export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}
