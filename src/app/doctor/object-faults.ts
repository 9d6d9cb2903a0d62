import type { Pipeline } from "#app/pipeline";
import { collectProblems } from "#app/translate";
import type { ObjectProblem } from "#app/translate";
import type { ObjectFault } from "#doctor/view";
import { formatFieldPath } from "#k8s/object";
import { ourProxies, proxyReports } from "#translate/facts";
import { problemsOf } from "#translate/httpproxy/status";

/** What is wrong with objects, with the reasons of their conditions. */
export function objectFaults(pipeline: Pipeline): readonly ObjectFault[] {
  const reasons = proxyReasons(pipeline);
  return collectProblems(pipeline).map((problem) => {
    const { kind, namespace, name, field, message } = problem;
    const ofCondition = /^\w+ is (?:True|False) \((\w+)\): (.*)$/s.exec(message);
    return { ...problem, reason: ofCondition?.[1] ?? reasons.get(`${kind}/${namespace}/${name} ${field} ${message}`) ?? (kind === "Ingress" ? ingressReason(problem) : ""), message: ofCondition?.[2] ?? message };
  });
}

/** Ingresses have no conditions: their problems are told apart by where they are. */
function ingressReason({ severity, field, message }: ObjectProblem): string {
  if (field.endsWith(".service")) return "ServiceUnresolvedReference";
  if (!field.startsWith("spec.tls")) return "";
  if (severity === "warning") return message.includes(" expired at ") ? "CertificateExpired" : "";
  return message.includes("delegated") ? "DelegationNotPermitted" : "SecretNotValid";
}

function proxyReasons({ graph }: Pipeline): ReadonlyMap<string, string> {
  return new Map([...graph.buckets(ourProxies)].flatMap(([bucket]) => problemsOf(graph.items(proxyReports, bucket)).map(({ path, message, reason }) => [`HTTPProxy/${bucket} ${formatFieldPath(path)} ${message}`, reason] as const)));
}
