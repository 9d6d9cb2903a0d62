/** A selector of labels, as far as policies of deploy/ use it. */
export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

/** Whether labels are those that a selector wants. */
export function fits({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every(({ key, operator, values = [] }) => {
    if (operator === "Exists") return labels[key] !== undefined;
    if (operator === "In") return values.includes(labels[key] ?? "");
    throw new Error(`the lab reads no selector with ${operator}`);
  });
}

/** Whether a selector of namespaces wants this one. */
export function namespaceFits(selector: Selector, namespace: string): boolean {
  return fits(selector, { "kubernetes.io/metadata.name": namespace });
}

/** Whether labels are those that a selector of Calico's wants: `key == "a"`, or `key in { "a", "b" }`. */
export function calicoFits(selector: string, labels: Readonly<Record<string, string>>): boolean {
  const [, key = "", values] = /^([\w./-]+) (?:==|in \{)((?: ?"[\w-]+",?)+) ?\}?$/.exec(selector) ?? [];
  if (values === undefined) throw new Error(`the lab reads no Calico selector ${selector}`);
  return [...values.matchAll(/"([\w-]+)"/g)].some(([, value]) => value === labels[key]);
}
