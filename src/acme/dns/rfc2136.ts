import { createHmac, randomInt } from "node:crypto";
import { connect } from "node:net";
import { encodeName, encodeRecord, uint16, uint48 } from "#acme/dns/wire";
import type { DnsSolver } from "#acme/dns";
import { AcmeProblem } from "#acme/problem";

/** A DNS server that takes updates. */
export interface Rfc2136Options {
  /** `host:port`, or a host with port 53. */
  readonly nameserver: string;
  readonly zone: string;
  readonly keyName: string;
  /** `hmac-sha256` and its like. */
  readonly algorithm: string;
  readonly key: Uint8Array;
}

const opcodeUpdate = 5 << 11;
const types = { soa: 6, txt: 16, tsig: 250 } as const;
const classes = { in: 1, none: 254, any: 255 } as const;
const ttlSeconds = 60;
/** Seconds by which clocks may differ (RFC 8945, section 10). */
const fudgeSeconds = 300;
const patienceMs = 15_000;
/** RFC 1035, 2136 and 8945; what else there is, is shown by its number. */
const failures: Readonly<Record<number, string>> = { 1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH: it does not know the key, or not the zone", 10: "NOTZONE" };

/** Sets and removes TXT records by dynamic update (RFC 2136) over TCP, signed by TSIG (RFC 8945). */
export function rfc2136Solver(options: Rfc2136Options, now: () => number = Date.now): DnsSolver {
  const update = async (name: string, value: string, removal: boolean): Promise<void> => {
    const { nameserver, zone } = options;
    const code = await exchange(nameserver, signed(options, updateMessage(zone, name, value, removal), now()));
    if (code !== 0) throw new AcmeProblem({ type: "dnsUpdate", detail: `the name server ${nameserver} does not ${removal ? "remove" : "set"} ${name} in zone ${zone}: ${failures[code] ?? `RCODE ${code}`}`, transient: true });
  };
  return { present: (name, value) => update(name, value, false), remove: (name, value) => update(name, value, true) };
}

/** An update of one record. Setting one that is there changes nothing (RFC 2136, section 3.4.2.2). */
function updateMessage(zone: string, name: string, value: string, removal: boolean): Buffer {
  const header = Buffer.concat([randomInt(65_536), opcodeUpdate, 1, 0, 1, 0].map(uint16));
  const zoneSection = Buffer.concat([encodeName(zone), uint16(types.soa), uint16(classes.in)]);
  const text = Buffer.from(value, "latin1");
  const record = encodeRecord({ name, type: types.txt, class: removal ? classes.none : classes.in, ttl: removal ? 0 : ttlSeconds, data: Buffer.concat([Buffer.from([text.length]), text]) });
  return Buffer.concat([header, zoneSection, record]);
}

/** Adds a signature to a message (RFC 8945, section 4.3.3 and 5.1). */
function signed({ keyName, algorithm, key }: Rfc2136Options, message: Buffer, nowMs: number): Buffer {
  const time = Buffer.concat([uint48(Math.floor(nowMs / 1000)), uint16(fudgeSeconds)]);
  const [name, method] = [encodeName(keyName), encodeName(algorithm)];
  const variables = Buffer.concat([name, uint16(classes.any), Buffer.alloc(4), method, time, uint16(0), uint16(0)]);
  const mac = createHmac(algorithm.replace("hmac-", ""), key).update(message).update(variables).digest();
  const data = Buffer.concat([method, time, uint16(mac.length), mac, message.subarray(0, 2), uint16(0), uint16(0)]);
  const whole = Buffer.concat([message, encodeRecord({ name: keyName, type: types.tsig, class: classes.any, ttl: 0, data })]);
  whole.writeUInt16BE(1, 10);
  return whole;
}

/** Sends a message; gives the code of the answer. */
function exchange(nameserver: string, message: Buffer): Promise<number> {
  const [, host = nameserver, port = "53"] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(nameserver) ?? [];
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new AcmeProblem({ type: "unreachable", detail: `the name server ${nameserver} cannot be reached: ${reason}`, transient: true }));
    const socket = connect({ host, port: Number(port) });
    let answer = Buffer.alloc(0);
    socket.setTimeout(patienceMs, () => (socket.destroy(), fail("no answer in time")));
    socket.on("connect", () => socket.write(Buffer.concat([uint16(message.length), message])));
    socket.on("data", (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      // After two bytes of length come an identifier and the flags, of which the last four bits are the code.
      if (answer.length < 6) return;
      socket.destroy();
      if (answer.readUInt16BE(2) === message.readUInt16BE(0)) resolve(answer.readUInt16BE(4) & 0xf);
      else fail("its answer is for another question");
    });
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail("it closed the connection"));
  });
}
