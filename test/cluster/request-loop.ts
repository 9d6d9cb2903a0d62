// request-loop.ts URL CA-FILE: asks URL again and again from several clients until SIGTERM, then prints what happened as one line of JSON.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect } from "node:tls";

/** What the clients saw. */
export interface LoopResult {
  readonly answered: number;
  readonly failed: readonly string[];
}

const clients = 6;
/** Milliseconds between an answer and the next request of the same client. */
const pauseMs = 10;
const [address = "", host = "", caFile = ""] = process.argv.slice(2);
const ca = readFileSync(caFile, "utf8");
let [answered, stopping] = [0, false];
const failed: string[] = [];

// The connection goes to the address, whatever the host's name is.
function agentOf(keepAlive: boolean): Agent {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  agent.createConnection = (options) => connect({ ...(options as object), host: address, port: 443, servername: host, ca });
  return agent;
}

function ask(agent: Agent): Promise<void> {
  return new Promise((resolve) => {
    const fail = (reason: string): void => (failed.push(`${new Date().toISOString()} ${reason}`), resolve());
    const outgoing = request({ host, path: "/", agent, timeout: 10_000 }, (answer) => {
      answer.resume().on("error", (error) => fail(`body: ${error.message}`)).on("end", () => {
        if (answer.statusCode !== 200) return fail(String(answer.statusCode));
        answered += 1;
        resolve();
      });
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in 10 s")));
    outgoing.on("error", (error) => fail(error.message)).end();
  });
}

// Every other client keeps its connection, the others open one for each request.
async function client(index: number): Promise<void> {
  const agent = agentOf(index % 2 === 0);
  while (!stopping) {
    await ask(agent);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

process.once("SIGTERM", () => (stopping = true));
await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
console.log(JSON.stringify({ answered, failed: failed.slice(0, 50) } satisfies LoopResult));
process.exit(0);
