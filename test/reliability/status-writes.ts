import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A status that somebody wrote. */
export interface StatusWrite {
  readonly user: string;
  readonly object: string;
  /** By the API server's clock. */
  readonly atMs: number;
}

/** The audit log of an API server: who wrote which status. */
export interface StatusWrites {
  /** Flags for kube-apiserver. */
  readonly args: readonly string[];
  /** All that were taken so far, in the order of time. */
  read(): readonly StatusWrite[];
  remove(): void;
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly objectRef: { readonly subresource?: string; readonly name: string };
  readonly responseStatus: { readonly code: number };
  readonly stageTimestamp: string;
}

const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [patch, update]
  resources: [{ group: projectcontour.io }]
- level: None
`;

/** Prepares the log; it begins when an API server is started with its flags. */
export function recordStatusWrites(): StatusWrites {
  const folder = mkdtempSync(join(tmpdir(), "contour-audit-"));
  const [policyFile, log] = [join(folder, "policy.yaml"), join(folder, "audit.log")];
  writeFileSync(policyFile, policy);
  return {
    args: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${log}`, "--audit-log-mode=blocking"],
    read: () => {
      const events = readFileSync(log, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as AuditEvent);
      return events.filter(({ objectRef, responseStatus }) => objectRef.subresource === "status" && responseStatus.code === 200).map(({ user, objectRef, stageTimestamp }) => ({ user: user.username, object: objectRef.name, atMs: Date.parse(stageTimestamp) }));
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
