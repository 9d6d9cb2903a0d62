import { parseGoDuration } from "#lib/go-duration";
import { goNames, ourNames, surfaces } from "./names.ts";
import type { Name, Surface } from "./names.ts";
import { deviations } from "./reasons.ts";
import type { Deviation } from "./reasons.ts";

const titles: Readonly<Record<Surface, string>> = { flag: "Flags", key: "Keys of the configuration file", annotation: "Annotations", metric: "Metrics of the controller" };
const places: Readonly<Record<Surface, string>> = { flag: "command", key: "", annotation: "kind", metric: "type" };

interface Compared {
  readonly name: Name;
  readonly deviation?: Deviation;
}

/** The page that compares our names with Go Contour's. Throws where a deviation has no reason, or a reason no deviation. */
export async function compatibilityPage(): Promise<string> {
  const ours = new Map((await ourNames()).map((name) => [keyOf(name), name]));
  const theirs = goNames();
  const compared = theirs.map((name) => compare(name, ours.get(keyOf(name))));
  const used = new Set(compared.flatMap(({ name, deviation }) => (deviation === undefined ? [] : [keyOf(name)])));
  const stale = [...deviations.keys()].filter((key) => !used.has(key));
  if (stale.length > 0) throw new Error(`tools/compatibility/reasons.ts: ${stale.join(", ")}: that does not deviate, or is no name of Go Contour`);
  const known = new Set(theirs.map(keyOf));
  const added = [...ours.values()].filter((name) => !known.has(keyOf(name)) && isOurs(name));
  return `${[...head(compared), ...surfaces.flatMap((surface) => section(surface, compared, added))].join("\n")}\n`;
}

function keyOf({ surface, where, name }: Name): string {
  return `${surface} ${where} ${name}`;
}

function compare(name: Name, our: Name | undefined): Compared {
  const deviation = deviations.get(keyOf(name));
  const same = our !== undefined && sameDetail(name.detail, our.detail);
  if (same && (deviation === undefined || deviation.verdict === "other default")) return { name };
  if (deviation === undefined) throw new Error(`tools/compatibility/reasons.ts lacks ${keyOf(name)}: ${our === undefined ? "it is not here" : `here it is ${JSON.stringify(our.detail)}, in Go Contour ${JSON.stringify(name.detail)}`}`);
  if ((our === undefined) !== (deviation.verdict === "absent")) throw new Error(`tools/compatibility/reasons.ts: ${keyOf(name)} is ${our === undefined ? "absent" : "here"}`);
  return { name, deviation };
}

/** Zero is zero in every unit, and a switch is off where nothing is said. */
function sameDetail(theirs: string, ours: string): boolean {
  const plain = (text: string): string => {
    const duration = parseGoDuration(text);
    return duration.ok ? String(duration.value) : text;
  };
  return theirs === ours || plain(theirs) === plain(ours);
}

/** Annotations of Kubernetes itself, and metrics of Node, are not ours to list. */
function isOurs({ surface, name }: Name): boolean {
  if (surface === "annotation") return name.startsWith("projectcontour.io/");
  return surface !== "metric" || name.startsWith("contour_");
}

function head(compared: readonly Compared[]): readonly string[] {
  const row = (surface: Surface): string => {
    const of = compared.filter(({ name }) => name.surface === surface);
    const count = (verdict: Deviation["verdict"] | undefined): number => of.filter(({ deviation }) => deviation?.verdict === verdict).length;
    return `| ${titles[surface]} | ${of.length} | ${count(undefined)} | ${count("other default")} | ${count("no effect")} | ${count("absent")} |`;
  };
  return [
    "# Names of the Go version, one by one",
    "",
    "Written by `npm run generate:reference` from the code: the commands, the keys of the configuration file, the metrics as they are registered, and the",
    "annotations of the golden stories, which show that they work. What differs in behaviour, not in name: [COMPATIBILITY.md](../COMPATIBILITY.md). The fields of",
    "the CRDs are the same, and their additions marked: [httpproxy.md](httpproxy.md).",
    "",
    "| of Go Contour | in all | the same | another default | taken, no effect | absent |",
    "|---|---|---|---|---|---|",
    ...surfaces.map(row),
  ];
}

function section(surface: Surface, compared: readonly Compared[], added: readonly Name[]): readonly string[] {
  const of = compared.filter(({ name }) => name.surface === surface);
  const different = of.filter(({ deviation }) => deviation !== undefined);
  const same = groups(of.filter(({ deviation }) => deviation === undefined).map(({ name }) => name));
  const fresh = groups(added.filter((name) => name.surface === surface));
  const label = places[surface] === "" ? "" : `${places[surface]} | `;
  const place = (where: string): string => (places[surface] === "" ? "" : `${where} | `);
  const rule = places[surface] === "" ? "|---|" : "|---|---|";
  return [
    "",
    `## ${titles[surface]}`,
    ...(different.length === 0 ? [] : ["", `| ${label}name | here | why |`, `${rule}---|---|`, ...different.map(({ name, deviation }) => `| ${place(name.where)}\`${name.name}\` | ${deviation?.verdict} | ${deviation?.reason} |`)]),
    "",
    `| ${label}the same |`,
    rule,
    ...same.map(([where, names]) => `| ${place(where)}${names} |`),
    ...(fresh.length === 0 ? [] : ["", `| ${label}new |`, rule, ...fresh.map(([where, names]) => `| ${place(where)}${names} |`)]),
  ];
}

function groups(names: readonly Name[]): readonly (readonly [string, string])[] {
  return [...Map.groupBy(names, ({ where }) => where)].map(([where, of]) => [where, of.map(({ name }) => `\`${name}\``).join(" ")]);
}
