/** What a test of a fault says that it has seen (test/reliability/report.ts). */
export interface FindingLine {
  readonly fault: string;
  readonly lost: number;
  readonly because?: string;
  readonly seen: string;
  readonly requests?: number;
  readonly connections?: number;
  readonly slowestMs?: number;
}

const head = `# What faults do

Every row is a test: a real API server and etcd, controllers as processes of their own, real Envoys with a client that sends requests all
the time and counts every answer that is not 200, and repeats none. This page is written by the tests:

    npm run reliability                                   # RELIABILITY_OUTAGE_SECONDS=120 for an outage of two minutes

Nothing may be lost but what physics demands: a request that is on its way in a process that is killed has nobody left to answer it. Outages
are short here because their length changes nothing of what is shown, once it is longer than every time-out (10 s, of the Lease).

| fault | load | lost | what else was seen |
|---|---|---|---|
`;

/** The page about what faults do. */
export function reliabilityPage(lines: readonly FindingLine[]): string {
  return `${head}${lines.map(row).join("\n")}\n`;
}

function row({ fault, lost, because, seen, requests, connections, slowestMs }: FindingLine): string {
  const load = requests === undefined ? "–" : `${requests} requests on ${connections ?? 0} connections, the slowest ${slowestMs ?? 0} ms`;
  return `| ${fault} | ${load} | ${because === undefined ? lost : `${lost}: ${because}`} | ${seen} |`;
}
