// ward.ts FOLDER: a pod of the clinic whose ports each have something about them. Certificates come from FOLDER.
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { ports } from "./ward-ports.ts";

const read = (name: string): string => readFileSync(join(process.argv[2] ?? "", name), "utf8");
const answer: RequestListener = (request, response) => void request.resume().on("end", () => response.end("well\n"));
const pair = (name: string): { readonly cert: string; readonly key: string } => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) });

createHttpServer(answer).listen(ports.plain, "::");
createHttpsServer(pair("good"), answer).listen(ports.tls, "::");
createHttpsServer(pair("expired"), answer).listen(ports.expired, "::");
createHttpsServer({ ...pair("good"), ca: read("ca.crt"), requestCert: true, rejectUnauthorized: true }, answer).listen(ports.mutual, "::");
// Accepts, reads, and never says a word.
createServer((socket) => void socket.resume().on("error", () => undefined)).listen(ports.silent, "::");
// Takes small requests and answers with more than fits into one packet.
createHttpServer((request, response) => void request.resume().on("end", () => response.end(Buffer.alloc(300_000, "well ")))).listen(ports.wordy, "::");
