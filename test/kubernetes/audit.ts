import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Permission } from "#app/permissions";

/** A call of an API server's client, as RBAC sees it: `list projectcontour.io/httpproxies`. */
export type Right = string;

interface AuditEvent {
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly apiGroup?: string; readonly resource: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code: number };
}

/** What an API server is started with to keep a book of who asked for what, and that book. */
export interface Audit {
  readonly args: readonly string[];
  /** The rights that a user made use of, and those that were refused to it; all, or since a time. */
  rightsOf(user: string, since?: Date): { readonly used: ReadonlySet<Right>; readonly refused: ReadonlySet<Right> };
  close(): void;
}

/** Makes an audit log. */
export function createAudit(): Audit {
  const folder = mkdtempSync(join(tmpdir(), "contour-audit-"));
  const log = join(folder, "audit.log");
  writeFileSync(join(folder, "policy.yaml"), "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata, omitStages: [RequestReceived] }]\n");
  return {
    args: [`--audit-policy-file=${join(folder, "policy.yaml")}`, `--audit-log-path=${log}`],
    rightsOf(user, since = new Date(0)) {
      const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter((line) => line.endsWith("}")) : [];
      const events = lines.map((line) => JSON.parse(line) as AuditEvent).filter((event) => event.user.username === user && event.objectRef !== undefined && new Date(event.requestReceivedTimestamp) >= since);
      const rights = (chosen: readonly AuditEvent[]): ReadonlySet<Right> => new Set(chosen.map(rightOf));
      // What server-side apply makes anew has to be allowed as a creation, too.
      const made = events.filter(({ verb, responseStatus }) => verb === "patch" && responseStatus?.code === 201).map((event) => ({ ...event, verb: "create" }));
      return { used: rights([...events, ...made]), refused: rights(events.filter(({ responseStatus }) => responseStatus?.code === 403)) };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function rightOf({ verb, objectRef }: AuditEvent): Right {
  const { apiGroup = "", resource = "", subresource } = objectRef ?? {};
  return `${verb} ${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`}`;
}

/** The single rights that rules give. */
export function rightsIn(rules: readonly Permission[]): ReadonlySet<Right> {
  return new Set(rules.flatMap(({ apiGroups, resources, verbs }) => apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)))));
}
