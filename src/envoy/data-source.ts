import type { DataSource } from "#gen/envoy/envoy/config/core/v3/base";

/** Text that is sent along as bytes: certificates and keys. */
export function inlineBytes(text: string): DataSource {
  return { specifier: { $case: "inlineBytes", value: Buffer.from(text, "utf8") }, watchedDirectory: undefined };
}

/** Text that is sent along as text: scripts, bodies and key sets. */
export function inlineString(text: string): DataSource {
  return { specifier: { $case: "inlineString", value: text }, watchedDirectory: undefined };
}
