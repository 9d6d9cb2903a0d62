import { Session } from "node:inspector/promises";
import { getHeapStatistics } from "node:v8";
import { json, text } from "#app/debug/page";
import type { Answer, Page, PageRequest } from "#app/debug/page";

const mostSeconds = 60;

/** Profiles of this process, as Node makes them. They name functions and sizes, never contents: a heap snapshot would show keys. */
export function profilePages(wait: (ms: number) => Promise<void>): readonly Page[] {
  let running = false;
  const alone = async (make: () => Promise<Answer>): Promise<Answer> => {
    if (running) return text("a profile is being made; try again when it is done", 409);
    running = true;
    return make().finally(() => (running = false));
  };
  return [
    { path: "/debug/pprof", about: "profiles: /profile?seconds=10 (CPU, a .cpuprofile), /heap?seconds=10 (what is allocated and stays, by function, a .heapprofile), /memory", answer: () => text("profile?seconds=10  the CPU: save as x.cpuprofile, open in Chrome's DevTools, VS Code or speedscope\nheap?seconds=10     what is allocated and stays, by function: save as x.heapprofile\nmemory              how much memory is used for what") },
    { path: "/debug/pprof/profile", about: "", answer: (request) => alone(() => cpuProfile(wait, secondsOf(request))) },
    { path: "/debug/pprof/heap", about: "", answer: (request) => alone(() => heapProfile(wait, secondsOf(request))) },
    { path: "/debug/pprof/memory", about: "", answer: () => json({ process: process.memoryUsage(), heap: getHeapStatistics() }) },
  ];
}

function secondsOf({ query }: PageRequest): number {
  const wanted = Number(query.get("seconds") ?? "10");
  return Number.isFinite(wanted) ? Math.min(Math.max(wanted, 0.1), mostSeconds) : 10;
}

async function cpuProfile(wait: (ms: number) => Promise<void>, seconds: number): Promise<Answer> {
  return withSession(async (session) => {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await wait(seconds * 1000);
    return json((await session.post("Profiler.stop")).profile);
  });
}

async function heapProfile(wait: (ms: number) => Promise<void>, seconds: number): Promise<Answer> {
  return withSession(async (session) => {
    await session.post("HeapProfiler.enable");
    await session.post("HeapProfiler.startSampling");
    await wait(seconds * 1000);
    return json((await session.post("HeapProfiler.stopSampling")).profile);
  });
}

async function withSession(use: (session: Session) => Promise<Answer>): Promise<Answer> {
  const session = new Session();
  session.connect();
  try {
    return await use(session);
  } finally {
    session.disconnect();
  }
}
