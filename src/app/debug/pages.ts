import type { Logger } from "pino";
import { dagPage } from "#app/debug/dag-page";
import { modelPages } from "#app/debug/model-pages";
import { text } from "#app/debug/page";
import type { Page } from "#app/debug/page";
import { profilePages } from "#app/debug/profile-pages";
import { serverPages } from "#app/debug/server-pages";
import type { Pipeline } from "#app/pipeline";
import type { XdsServer } from "#xds/server";

/** What the debug pages look into. */
export interface DebugSubjects {
  readonly pipeline: () => Pipeline;
  /** Absent until it serves. */
  readonly xds: () => XdsServer | undefined;
  readonly log: Logger;
  readonly wait: (ms: number) => Promise<void>;
}

/** Every debug page, and a list of them. None shows a key or a secret. */
export function debugPages({ pipeline, xds, log, wait }: DebugSubjects): readonly Page[] {
  const pages = [...modelPages(pipeline), dagPage(pipeline), ...serverPages(xds, log), ...profilePages(wait)];
  const list = pages.filter(({ about }) => about !== "").map(({ path, about }) => `${path.padEnd(20)} ${about}`);
  return [{ path: "/debug", about: "", answer: () => text(list.join("\n")) }, ...pages];
}
