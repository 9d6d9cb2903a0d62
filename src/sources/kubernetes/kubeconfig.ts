import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { ExecSpec } from "#sources/kubernetes/exec-credentials";

/** The part of a kubeconfig's cluster that we read. */
export interface ClusterEntry {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
}

/** The part of a kubeconfig's user that we read. */
export interface UserEntry {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>>;
  readonly exec?: ExecSpec;
}

/** One context of a kubeconfig with all that it names; file names are absolute. */
export interface ChosenContext {
  readonly cluster: ClusterEntry & { readonly server: string };
  readonly user: UserEntry;
  readonly namespace: string;
}

type Named<K extends string, T> = ReadonlyArray<{ readonly name: string } & { readonly [key in K]?: T }>;

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly clusters?: Named<"cluster", ClusterEntry>;
  readonly users?: Named<"user", UserEntry>;
  readonly contexts?: Named<"context", { readonly cluster?: string; readonly user?: string; readonly namespace?: string }>;
}

/** Reads kubeconfigs and picks a context: `context`, else the current one. Where files say the same thing, the first wins. */
export function readKubeconfig(paths: readonly string[], context?: string): ChosenContext {
  const files = paths.filter((path) => existsSync(path));
  const [first] = files;
  if (first === undefined) throw new Error(`there is no kubeconfig at ${paths.join(", ")}; name one with --kubeconfig or KUBECONFIG`);
  const configs = files.map(readFile);
  const name = context ?? configs.map((config) => config["current-context"]).find((current) => current !== undefined && current !== "");
  if (name === undefined) throw new Error(`${first} names no current-context; set one with "kubectl config use-context"`);
  return choose(configs, name, first);
}

function choose(configs: readonly Kubeconfig[], name: string, file: string): ChosenContext {
  const found = find(configs, "contexts", name, file);
  const { cluster: clusterName = "", user: userName = "", namespace = "default" } = found.context ?? {};
  const { cluster = {} } = find(configs, "clusters", clusterName, file);
  const { user = {} } = userName === "" ? {} : find(configs, "users", userName, file);
  const { server } = cluster;
  if (server === undefined) throw new Error(`${file}: cluster ${JSON.stringify(clusterName)} has no server`);
  return { cluster: { ...cluster, server: server.replace(/\/+$/, "") }, user, namespace };
}

type Section = "clusters" | "users" | "contexts";
type Entry<S extends Section> = NonNullable<Kubeconfig[S]>[number];

function find<S extends Section>(configs: readonly Kubeconfig[], section: S, name: string, file: string): Entry<S> {
  const entries = configs.flatMap((config) => (config[section] ?? []) as ReadonlyArray<Entry<S>>);
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  throw new Error(`${file} has no ${section.slice(0, -1)} ${JSON.stringify(name)} (it has: ${entries.map((candidate) => candidate.name).join(", ") || "none"})`);
}

function readFile(path: string): Kubeconfig {
  const config = (parse(readFileSync(path, "utf8")) ?? {}) as Kubeconfig;
  const folder = dirname(resolve(path));
  return {
    ...config,
    clusters: (config.clusters ?? []).map((entry) => ({ ...entry, cluster: absolute(entry.cluster ?? {}, folder, ["certificate-authority"]) })),
    users: (config.users ?? []).map((entry) => ({ ...entry, user: absolute(entry.user ?? {}, folder, ["client-certificate", "client-key", "tokenFile"]) })),
  };
}

/** File names in a kubeconfig are relative to it. */
function absolute<T extends object>(entry: T, folder: string, keys: readonly (keyof T)[]): T {
  const paths = keys.flatMap((key) => (typeof entry[key] === "string" && entry[key] !== "" ? [[key, resolve(folder, entry[key])]] : []));
  return { ...entry, ...(Object.fromEntries(paths) as Partial<T>) };
}
