import type { CertificateIssuer } from "#gen/k8s/certificate-issuer";

type Acme = NonNullable<CertificateIssuer["spec"]["acme"]>;

/** How an ACME issuer proves a host: the first solver that fits; HTTP-01 where there are none. */
export function solverOf({ solvers = [] }: Acme, host: string): NonNullable<Acme["solvers"]>[number] | undefined {
  const plain = host.replace(/^\*\./, "");
  const usable = solvers.length === 0 ? [{ type: "HTTP-01" }] : solvers;
  return usable.find(({ type, zones }) => (!host.startsWith("*.") || type === "DNS-01") && (zones === undefined || zones.some((zone) => plain === zone || plain.endsWith(`.${zone}`))));
}
