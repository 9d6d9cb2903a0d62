import type { DnsSolver } from "#acme/dns";
import { createTransport } from "#acme/transport";

/** Where a webhook is, and how it knows us. */
export interface WebhookOptions {
  readonly url: string;
  readonly caBundle?: string;
  readonly token?: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Has a service of the user's set and remove records: it gets JSON with `action`, `name` and `value`. */
export function webhookSolver({ url, caBundle, token, env }: WebhookOptions): DnsSolver {
  const transport = createTransport(caBundle, env);
  const post = async (action: "present" | "cleanup", name: string, value: string): Promise<void> => {
    await transport(url, "POST", { data: { action, name, value }, headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) } });
  };
  return { present: (name, value) => post("present", name, value), remove: (name, value) => post("cleanup", name, value) };
}
