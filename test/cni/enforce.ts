import type { Lab } from "./lab.ts";
import { nodeNames } from "./lab.ts";
import type { Allowance, PodRules } from "./network.ts";

/** Puts rules into force at each pod's link on its node: new TCP connections that nothing allows are dropped, open ones go on. */
export async function enforceWithNftables(lab: Lab, rules: readonly PodRules[]): Promise<void> {
  for (const node of nodeNames) {
    const chains = rules.filter(({ pod }) => pod.node === node).map(chain);
    await lab.sh(node, "nft -f -", { input: `table netdev policies\ndelete table netdev policies\ntable netdev policies {\n${chains.join("\n")}\n}\n` });
  }
}

function chain({ pod, allowed }: PodRules): string {
  const newConnection = "tcp flags & (syn|ack) == syn";
  const accepts = allowed.flatMap((allowance) => matches(allowance).map((match) => `    ${newConnection} ${match} accept;`));
  return [`  chain ${pod.hostInterface} {`, `    type filter hook egress device "${pod.hostInterface}" priority 0; policy accept;`, ...accepts, `    ${newConnection} drop;`, "  }"].join("\n");
}

function matches({ from, ports }: Allowance): readonly string[] {
  const port = ports.length === 0 ? "" : `tcp dport { ${ports.join(", ")} }`;
  if (from === "anyone") return [port];
  const family = (v6: boolean): readonly string[] => {
    const addresses = from.filter((address) => address.includes(":") === v6);
    return addresses.length === 0 ? [] : [`${v6 ? "ip6" : "ip"} saddr { ${addresses.join(", ")} } ${port}`];
  };
  return [...family(false), ...family(true)];
}
