import { parseObject } from "#k8s/parse";
import { casesOf } from "../crds/field-cases.ts";
import { readFieldTable } from "../crds/field-table.ts";

const kinds = [["HTTPProxy", "projectcontour.io/v1"], ["ExtensionService", "projectcontour.io/v1alpha1"], ["TLSCertificateDelegation", "projectcontour.io/v1"]] as const;

/** Where the messages are written down. */
export const messagesFile = new URL("../../testdata/fields/messages.txt", import.meta.url);

/** What a user reads for a bad value of each field, one line each. Values that the schema lets in are judged by the translation: see the stories. */
export function fieldMessages(): string {
  const table = readFieldTable();
  const lines = kinds.flatMap(([kind, apiVersion]) =>
    casesOf(kind, apiVersion, table.get(kind) ?? new Map()).flatMap(({ what, path, object, taken }) => {
      if (taken) return [];
      const parsed = parseObject(object, { origin: "file" });
      const said = parsed.ok ? "TAKEN" : parsed.error.kind === "unknown-kind" ? "UNKNOWN KIND" : parsed.error.errors.map(({ message }) => message).join(" | ");
      return [`${kind} ${path} (${what}): ${said}`];
    }),
  );
  return `${lines.join("\n")}\n`;
}
