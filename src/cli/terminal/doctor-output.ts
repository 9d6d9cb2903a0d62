import { count } from "#lib/count";
import type { Diagnosis, EnvoyReport } from "#app/doctor/diagnose";
import type { Finding } from "#doctor/finding";
import type { Latency } from "#doctor/latency";
import { paint } from "#cli/terminal/style";

/** A diagnosis as a person reads it; on a terminal grouped by object, in a pipe one line for each finding. */
export function doctorOutput(diagnosis: Diagnosis, grouped: boolean = process.stdout.isTTY): string {
  const { cnis, envoys, findings, notes } = diagnosis;
  const lines = [
    ...cnis.flatMap(({ name, mode, evidence, traits }) => [`network  ${paint("bold", name)}${mode === undefined ? "" : `, ${mode}`} (${evidence})`, ...traits.map((trait) => `         ${trait}`)]),
    ...envoys.flatMap(envoyLines),
    ...(diagnosis.envoysLeftOut === 0 ? [] : [`note     ${diagnosis.envoysLeftOut} more Envoys were not looked at (--max-envoys)`]),
    ...notes.map((note) => `note     ${note}`),
    ...(grouped && findings.length > 0 ? [...groupedFindings(findings), ""] : findings.map(findingLine)),
    summary(diagnosis),
  ];
  return `${lines.join("\n")}\n`;
}

function envoyLines({ namespace, name, node, network, probed, of, latency, mtu, failed }: EnvoyReport): readonly string[] {
  const who = `${namespace === "" ? "" : `${namespace}/`}${name}${node === undefined ? "" : ` on ${node}`}`;
  const part = probed < of ? `${probed} of ${count(of, "endpoint")}` : count(probed, "endpoint");
  const facts = [`${network} network`, part, ...(mtu === undefined ? [] : [`MTU ${mtu}`]), ...latency.map(latencyText)];
  return [`envoy    ${who}: ${facts.join(", ")}`, ...(failed === undefined ? [] : [`note     ${who}: ${failed}`])];
}

const ways = { "same-node": "same node", "other-node": "other nodes", "unknown-node": "" } as const;

function latencyText({ way, family, connectMs, answerMs }: Latency): string {
  return [ways[way], family, `connect ${connectMs} ms`, ...(answerMs === undefined ? [] : [`answer ${answerMs} ms`])].filter((part) => part !== "").join(" ");
}

function findingLine({ severity, id, who, where, what, fix }: Finding): string {
  return `${paint(severity === "error" ? "red" : "yellow", severity.padEnd(8))} ${id}: ${who}${where === "" ? "" : `, ${where}`}: ${what}; fix: ${fix}`;
}

function groupedFindings(findings: readonly Finding[]): readonly string[] {
  const groups = Map.groupBy(findings, ({ who }) => splitWho(who).object);
  return [...groups].flatMap(([object, group]) => [
    "",
    paint("bold", object),
    ...group.flatMap(({ severity, id, who, where, what, fix }) => {
      const place = [splitWho(who).rest, where].filter((part) => part !== "").join(", ");
      return [`  ${paint(severity === "error" ? "red" : "yellow", severity === "error" ? "✗" : "!")} ${what} ${paint("dim", `[${id}]`)}`, ...(place === "" ? [] : [`    ${paint("dim", place)}`]), `    fix: ${fix}`];
    }),
  ]);
}

/** The object, and the field of it; what is about several objects has a heading of its own. */
function splitWho(who: string): { readonly object: string; readonly rest: string } {
  if (who.includes(", ")) return { object: "several objects", rest: who };
  const [kind = "", name = "", ...field] = who.split(" ");
  return { object: [kind, name].join(" ").trim(), rest: field.join(" ") };
}

function summary({ routes, backends, envoys, findings }: Diagnosis): string {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  const looked = [count(routes, "route"), count(backends, "backend"), count(envoys.length, "Envoy")].join(", ");
  const found = errors + warnings === 0 ? paint("green", "nothing is wrong") : `${count(errors, "error")}, ${count(warnings, "warning")}`;
  return `${looked}: ${found}`;
}
