import { watch } from "chokidar";
import { readFileSync, statSync } from "node:fs";
import { equalValues } from "#lib/equal";
import { parseFieldPath, refKey, refOf } from "#k8s/object";
import type { KubeObject, ObjectRef } from "#k8s/object";
import type { ObjectEvent, ObjectSink } from "#store/event";
import { parseManifest } from "#sources/file/manifest";
import type { Manifest, ManifestObject, ManifestProblem, Place } from "#sources/file/manifest";
import { isManifestFile, listManifestFiles, mergeManifests, withIdentity } from "#sources/file/read";

/** Milliseconds without another change before a file is read: editors save in several steps. */
const settleMs = 40;
/** Milliseconds for which a file that became empty, shorter or unreadable must stay as it is before it is believed. */
const halfWrittenMs = 300;

/** Runs something later; gives a way to call it off. Injected so that tests need no clock. */
export type Schedule = (ms: number, run: () => void) => () => void;

/** What the watcher tells after each round of reading. */
export interface FileReport {
  readonly problems: readonly ManifestProblem[];
  /** How many objects changed, appeared or vanished. */
  readonly changes: number;
}

/** What watching needs. */
export interface WatchFilesOptions {
  readonly paths: readonly string[];
  readonly sink: ObjectSink;
  readonly onReport: (report: FileReport) => void;
  readonly schedule?: Schedule;
}

/** A running watch. */
export interface FileWatch {
  locate(ref: ObjectRef, field: string): Place | undefined;
  close(): Promise<void>;
}

const realTime: Schedule = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Reads manifests, gives their objects to the sink, and goes on doing so for each change of a file. */
export async function watchFiles(options: WatchFilesOptions): Promise<FileWatch> {
  const state = new WatchedFiles(options);
  state.readAll();
  const watcher = watch([...options.paths], { ignoreInitial: true, atomic: true, ignored: (path, stats) => stats?.isFile() === true && !isManifestFile(path) });
  for (const event of ["add", "change", "unlink"] as const) watcher.on(event, (path: string) => state.touch(path));
  await new Promise<void>((resolve) => void watcher.once("ready", () => resolve()));
  // What changed between the first reading and the watch being ready is seen now.
  state.readAll();
  return { locate: (ref, field) => state.locate(ref, field), close: () => (state.close(), watcher.close()) };
}

class WatchedFiles {
  readonly #options: WatchFilesOptions;
  readonly #manifests = new Map<string, Manifest>();
  /** The last good version of every object, by its key, with the file that it stands in. */
  readonly #served = new Map<string, { readonly file: string; readonly object: KubeObject; readonly generation: number }>();
  #places: ReadonlyMap<string, ManifestObject> = new Map();
  readonly #touched = new Set<string>();
  /** Files that may be half-written, with what stood in them. */
  readonly #doubted = new Map<string, string | undefined>();
  /** How long the text of each file was when it was last believed. */
  readonly #lengths = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #order = 0;

  constructor(options: WatchFilesOptions) {
    this.#options = options;
  }

  readAll(): void {
    const files = listManifestFiles(this.#options.paths);
    for (const file of [...files, ...this.#manifests.keys()]) this.#touched.add(file);
    this.#read(false);
  }

  touch(path: string): void {
    this.#touched.add(path);
    this.#later(settleMs);
  }

  close(): void {
    this.#cancel?.();
  }

  locate(ref: ObjectRef, field: string): Place | undefined {
    return this.#places.get(refKey(ref))?.locate(parseFieldPath(field));
  }

  #later(ms: number): void {
    this.#cancel?.();
    this.#cancel = (this.#options.schedule ?? realTime)(ms, () => this.#read(ms === halfWrittenMs));
  }

  #read(patient: boolean): void {
    this.#cancel?.();
    let doubts = false;
    for (const file of [...this.#touched].toSorted()) {
      if (this.#readFile(file, patient) === "doubtful") doubts = true;
      else this.#touched.delete(file);
    }
    this.#publish();
    if (doubts) this.#later(halfWrittenMs);
  }

  /** Reads one file. One that suddenly holds less, or no YAML, may be half-written: it is believed when it stays so for a while. */
  #readFile(file: string, patient: boolean): "read" | "doubtful" {
    const text = statSync(file, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(file, "utf8") : undefined;
    const manifest = text === undefined ? undefined : parseManifest(file, text);
    const served = [...this.#served.values()].filter((entry) => entry.file === file).length;
    // The beginning of an object may well be a whole object, so a shorter text is doubted, too.
    const lost = served > 0 && (manifest === undefined || manifest.unreadable || manifest.objects.length < served || (text ?? "").length < (this.#lengths.get(file) ?? 0));
    if (lost && !(patient && this.#doubted.has(file) && this.#doubted.get(file) === text)) {
      this.#doubted.set(file, text);
      return "doubtful";
    }
    this.#doubted.delete(file);
    this.#lengths.set(file, text?.length ?? 0);
    if (manifest === undefined) this.#manifests.delete(file);
    else this.#manifests.set(file, manifest);
    return "read";
  }

  #publish(): void {
    const merged = mergeManifests([...this.#manifests].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, manifest]) => manifest));
    this.#places = new Map([...this.#places, ...merged.objects]);
    const events = [...this.#upserts(merged.objects), ...this.#removals(merged.objects)];
    if (events.length > 0) this.#options.sink.apply(events);
    this.#options.onReport({ problems: merged.problems, changes: events.length });
  }

  #upserts(objects: ReadonlyMap<string, ManifestObject>): readonly ObjectEvent[] {
    return [...objects].flatMap(([key, entry]) => {
      const known = this.#served.get(key);
      const plain = entry.object;
      if (known !== undefined && equalValues({ ...known.object, metadata: undefined }, { ...plain, metadata: undefined }) && sameMetadata(known.object, plain)) return [];
      const generation = (known?.generation ?? 0) + 1;
      const created = known?.object.metadata.creationTimestamp;
      const object = created === undefined ? withIdentity(plain, this.#order++, generation) : { ...plain, metadata: { ...plain.metadata, creationTimestamp: created, generation } };
      this.#served.set(key, { file: entry.place.file, object, generation });
      return [{ type: "upsert" as const, object }];
    });
  }

  #removals(objects: ReadonlyMap<string, ManifestObject>): readonly ObjectEvent[] {
    const kept = new Set([...this.#manifests.values()].flatMap((manifest) => manifest.broken.map(refKey)));
    return [...this.#served].flatMap(([key, { file, object }]) => {
      const stillThere = objects.has(key) || kept.has(key) || this.#manifests.get(file)?.unreadable === true || this.#doubted.has(file);
      if (stillThere) return [];
      this.#served.delete(key);
      return [{ type: "delete" as const, ref: refOf(object) }];
    });
  }
}

function sameMetadata(a: KubeObject, b: KubeObject): boolean {
  return equalValues(a.metadata.labels, b.metadata.labels) && equalValues(a.metadata.annotations, b.metadata.annotations);
}
