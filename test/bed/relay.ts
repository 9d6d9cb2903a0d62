// relay.ts SOCKET-PATH: runs inside a network namespace and lets a program outside of it connect to any address inside.
// A Unix socket is found by its path from every network namespace. A connection's first line names "HOST PORT"; then bytes flow.
import { connect, createServer, type Socket } from "node:net";

const path = process.argv[2] ?? "";

function relay(outside: Socket): void {
  let head = "";
  const onData = (chunk: Buffer): void => {
    head += chunk.toString("latin1");
    const end = head.indexOf("\n");
    if (end === -1) return;
    outside.off("data", onData).pause();
    const [host = "", port = ""] = head.slice(0, end).split(" ");
    join(outside, connect(Number(port), host), Buffer.from(head.slice(end + 1), "latin1"));
  };
  outside.on("data", onData).on("error", () => outside.destroy());
}

function join(outside: Socket, inside: Socket, first: Buffer): void {
  // What was received in full is passed on in full: only a connection that broke ends the other one at once.
  inside.on("error", () => outside.destroy()).on("close", (broken) => broken && outside.destroy());
  outside.on("close", () => inside.destroy());
  if (first.length > 0) inside.write(first);
  outside.pipe(inside);
  inside.pipe(outside);
}

createServer(relay).listen(path);
