import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { Outcome, ProbeTls } from "#doctor/plan";

type Validation = NonNullable<ProbeTls["validation"]>;

/** What Envoy would say about the certificate of a backend; undefined where it takes it. */
export function certificateProblem(secure: TLSSocket, validation: Validation): Outcome | undefined {
  const certificate = secure.getPeerCertificate(true);
  if (!secure.authorized) return untrusted(String(secure.authorizationError), certificate);
  return nameProblem(certificate.subjectaltname ?? "", validation);
}

function untrusted(code: string, { issuer, valid_to: validTo }: DetailedPeerCertificate): Outcome {
  if (code.includes("CERT_HAS_EXPIRED")) return { kind: "certificate", problem: "expired", detail: `it ended ${validTo}` };
  const by = [issuer?.O, issuer?.CN].flat().filter((part) => part !== undefined && part !== "").join(" ");
  return { kind: "certificate", problem: "untrusted", detail: `its issuer is ${JSON.stringify(by)} (${code})` };
}

/** One of the names or URIs must be among the certificate's, letter by letter; a wildcard of the certificate stands for one label. */
function nameProblem(text: string, { names, uris }: Validation): Outcome | undefined {
  if (names.length + uris.length === 0) return undefined;
  const entries = text.split(", ").filter((entry) => entry !== "");
  const of = (prefix: string): readonly string[] => entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  const dns = of("DNS:");
  const fits = names.some((name) => dns.some((pattern) => matches(pattern.toLowerCase(), name.toLowerCase()))) || uris.some((uri) => of("URI:").includes(uri));
  return fits ? undefined : { kind: "certificate", problem: "name", detail: `it is for ${entries.join(", ") || "no name"}, and the route wants ${[...names, ...uris].join(" or ")}` };
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === name;
  return name.slice(name.indexOf(".")) === pattern.slice(1);
}
