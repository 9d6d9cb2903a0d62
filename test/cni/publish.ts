// publish.ts ADDRESS PORT SOCKET-PATH: listens inside a network namespace; each connection goes on to a Unix socket outside of it.
import { connect, createServer } from "node:net";

const [address = "", port = "", path = ""] = process.argv.slice(2);

createServer((inside) => {
  const outside = connect(path);
  for (const [one, other] of [[inside, outside], [outside, inside]] as const) one.on("error", () => other.destroy()).on("close", () => other.destroy());
  inside.pipe(outside).pipe(inside);
}).listen(Number(port), address);
