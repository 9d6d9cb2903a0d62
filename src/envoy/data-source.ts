import type { DataSource } from "#gen/envoy/envoy/config/core/v3/base";

/** What is sent along as bytes: certificates and keys. */
export function inlineBytes(text: string | Uint8Array): DataSource {
  return { specifier: { $case: "inlineBytes", value: typeof text === "string" ? Buffer.from(text, "utf8") : Buffer.from(text) }, watchedDirectory: undefined };
}

/** Text that is sent along as text: scripts, bodies and key sets. */
export function inlineString(text: string): DataSource {
  return { specifier: { $case: "inlineString", value: text }, watchedDirectory: undefined };
}
