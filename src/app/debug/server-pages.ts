import type { Logger } from "pino";
import { json, text } from "#app/debug/page";
import type { Page, PageRequest } from "#app/debug/page";
import { logLevels } from "#app/log";
import type { XdsServer } from "#xds/server";

const levels: readonly string[] = logLevels;

/** Pages about the process itself: the Envoys connected to it, and its log. */
export function serverPages(xds: () => XdsServer | undefined, log: Logger): readonly Page[] {
  return [
    { path: "/debug/envoys", about: "the connected Envoys, and how far each one is; /NODE for the versions that it has taken", answer: ({ rest: [node] }) => (node === undefined ? json(xds()?.envoys() ?? []) : takenPage(xds(), node)) },
    { path: "/debug/log-level", about: `shows the level of the log; PUT ?level=LEVEL changes it, until a restart: ${levels.join(", ")}`, answer: (request) => levelPage(log, request) },
  ];
}

function takenPage(xds: XdsServer | undefined, node: string): ReturnType<typeof json> {
  const taken = xds?.taken(node) ?? [];
  return taken.length === 0 ? text(`no Envoy named ${JSON.stringify(node)} is connected to this replica`, 404) : json(taken);
}

// A page of another site can make a browser GET or POST, but not PUT.
function levelPage(log: Logger, { method, query }: PageRequest): ReturnType<typeof text> {
  if (method === "GET") return text(log.level);
  if (method !== "PUT") return text("GET shows the level, PUT ?level=debug changes it", 405);
  const level = query.get("level") ?? "";
  if (!levels.includes(level)) return text(`there is no level ${JSON.stringify(level)}; there is: ${levels.join(", ")}`, 400);
  log.level = level;
  return text(level);
}
