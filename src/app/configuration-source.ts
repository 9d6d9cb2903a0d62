import type { Logger } from "pino";
import { parseConfiguration } from "#app/configuration-file";
import type { ReadConfigurationFile } from "#app/configuration-file";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { kinds } from "#k8s/kinds";
import { formatFieldPath } from "#k8s/object";
import type { FieldError, FieldPath, ObjectMeta } from "#k8s/object";
import { followText } from "#sources/file/follow-text";
import type { ApiClient } from "#sources/kubernetes/client";
import { watchCluster } from "#sources/kubernetes/cluster";
import type { ObjectEvent } from "#store/event";

/** What an operator has written beside the flags: an object of the cluster, or a file. */
export type ConfigurationSource =
  | { readonly kind: "object"; readonly namespace: string; readonly name: string }
  | { readonly kind: "file"; readonly first: ReadConfigurationFile; /** Whether a flag is given: it wins over the file. */ readonly isGiven: (flag: string) => boolean };

/** An object whose status tells about what it says. */
export interface ConfigurationObject {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
}

/** What is heard of a configuration. */
export type ConfigurationNews =
  | { readonly kind: "written"; readonly spec: ContourConfiguration["spec"]; /** Says where a field is. */ readonly describe: (path: FieldPath, message: string) => string; readonly object?: ConfigurationObject }
  /** It cannot even be read as one. */
  | { readonly kind: "unfit"; readonly reasons: readonly string[]; readonly errors: readonly FieldError[]; readonly object?: ConfigurationObject }
  | { readonly kind: "absent"; readonly reason: string };

/** What following a configuration needs. */
export interface FollowOptions {
  readonly client: ApiClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onNews: (news: ConfigurationNews) => void;
  /** Hears of the object as of any other, before its news. */
  readonly onEvents: (events: readonly ObjectEvent[]) => void;
}

/** Tells the configuration as it is, and each change of it, until the signal aborts. */
export function followConfiguration(source: ConfigurationSource, options: FollowOptions): void {
  if (source.kind === "object") followObject(source, options);
  else followFile(source, options);
}

function followFile({ first, isGiven }: Extract<ConfigurationSource, { readonly kind: "file" }>, { log, signal, onNews }: FollowOptions): void {
  const { path } = first;
  let { program } = first;
  onNews({ kind: "written", spec: first.spec, describe: first.describe });
  followText(path, first.text, signal, (text) => {
    if (!text.ok) return onNews({ kind: "absent", reason: text.error });
    const read = parseConfiguration(path, text.value, isGiven);
    if (!read.ok) return onNews({ kind: "unfit", reasons: read.error, errors: [] });
    for (const key of ["debug", "incluster", "kubeconfig"] as const) if (read.value.program[key] !== program[key]) log.warn(`${path}: ${key} is another one now; it counts when the controller is started again`);
    program = read.value.program;
    onNews({ kind: "written", spec: read.value.spec, describe: read.value.describe });
  });
}

function followObject({ namespace, name }: { readonly namespace: string; readonly name: string }, options: FollowOptions): void {
  const { onNews, onEvents } = options;
  const describe = (path: FieldPath, message: string): string => `ContourConfiguration ${namespace}/${name} ${formatFieldPath(path)}: ${message}`;
  const absent = (): void => onNews({ kind: "absent", reason: `ContourConfiguration ${namespace}/${name} does not exist; create it` });
  let known: string | undefined;
  // Writing its status is no change of what it says.
  const isNews = ({ uid = "", generation = 0 }: ObjectMeta): boolean => known !== (known = `${uid} ${generation}`);
  const { synced } = watchCluster({
    ...options,
    kinds: [kinds.ContourConfiguration],
    namespacesOf: () => [namespace],
    nameOf: () => name,
    random: Math.random,
    sink: {
      apply(events) {
        onEvents(events);
        for (const event of events) {
          if (event.type === "delete") absent();
          else if (isNews(event.object.metadata)) onNews({ kind: "written", spec: (event.object as ContourConfiguration).spec, describe, object: { namespace, name, generation: event.object.metadata.generation ?? 0 } });
          if (event.type === "delete") known = undefined;
        }
      },
    },
    onInvalid(_ref, errors, metadata) {
      if (isNews(metadata)) onNews({ kind: "unfit", reasons: errors.map(({ path, message }) => describe(path, message)), errors, object: { namespace, name, generation: metadata.generation ?? 0 } });
    },
  });
  void synced.then(() => (known !== undefined || options.signal.aborted ? undefined : absent()));
}
