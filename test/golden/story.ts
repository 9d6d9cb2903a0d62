import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { translate } from "#cli/translate";
import { parse } from "yaml";

/** A request that a story sends through Envoy, and what has to come back. Absent fields may be anything. */
export interface StoryRequest {
  /** `http://` goes to the plain port, `https://` to the TLS port; a port is that of a Gateway's listener as `translate` shows it. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The name in TLS, where it is not the host of the URL; empty for none. */
  readonly sni?: string;
  readonly body?: string;
  /** Sends the body without saying how long it is. */
  readonly chunked?: boolean;
  readonly http2?: boolean;
  /** Asks by HTTP/3, over a QUIC connection to the UDP port of the same number. */
  readonly http3?: boolean;
  readonly maxTlsVersion?: "TLSv1.2" | "TLSv1.3";
  /** The certificate of `testdata/certificates` that the client shows. */
  readonly identity?: string;
  /** Signs these claims and sends them as a bearer token; with `by` the key `stranger-token` signs. */
  readonly token?: Readonly<Record<string, unknown>> & { readonly by?: "stranger-token" };
  /** Sends this text over a connection of bytes; the answer is in `text`. */
  readonly tcp?: string;
  /** Sends this text as a datagram; the answer is in `text`. */
  readonly udp?: string;
  /** Makes it a gRPC call; the name of the gRPC status that comes back. */
  readonly call?: string;
  /** Asks as often as there are entries, at once after the story is up: the statuses in this order. */
  readonly statuses?: readonly number[];
  /** 0 where there is no answer: the handshake fails, the connection is closed, or no datagram comes back. */
  readonly status: number;
  /** `namespace/service` of the backend that answers; several where any of them may. */
  readonly backend?: string | readonly string[];
  /** Asks until each of these backends has answered; nobody else may. */
  readonly backends?: readonly string[];
  /** Whether `counting` backends get a copy: asks until they do, and where they do not, once. */
  readonly copies?: Readonly<Record<string, boolean>>;
  /** The path with query that the backend gets. */
  readonly path?: string;
  readonly location?: string;
  /** Headers that the backend gets; null for none of that name. */
  readonly received?: Readonly<Record<string, string | null>>;
  /** Headers that the client gets; null for none of that name. */
  readonly answered?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Other things that the backend says: its `protocol`, `bodyBytes`, what it knows of `tls`. */
  readonly echoed?: Readonly<Record<string, unknown>>;
  /** A part of the body of the answer. */
  readonly text?: string;
  /** Common name of the certificate that Envoy shows. */
  readonly certificate?: string;
}

/** One case of `testdata/golden/<feature>/<case>`: manifests, what they become, and what Envoy makes of it. */
export interface Story {
  readonly name: string;
  readonly folder: string;
  /** The xDS services whose resources are compared. */
  readonly resources: string;
  /** Whether `status.yaml` has the features of GatewayClasses: once is enough. */
  readonly features: boolean;
  readonly requests: readonly StoryRequest[];
}

interface StoryFile {
  readonly features?: boolean;
  readonly resources?: string;
  readonly requests?: readonly StoryRequest[];
}

const root = join(import.meta.dirname, "../../testdata/golden");

/** All stories, in the order of their names. */
export function readStories(): readonly Story[] {
  const names = readdirSync(root).flatMap((feature) => readdirSync(join(root, feature)).map((name) => `${feature}/${name}`)).toSorted();
  return names.map((name) => {
    const folder = join(root, name);
    const file = join(folder, "story.json");
    const { resources = "srds,cds,eds", features = false, requests = [] } = existsSync(file) ? (parse(readFileSync(file, "utf8")) as StoryFile) : {};
    return { name, folder, resources, features, requests };
  });
}

/** Where the manifests of a story are. */
export function manifestsOf(story: Story): string {
  return join(story.folder, "manifests");
}

/** What `contour translate` says about a story: its messages with exit code, the statuses, the resources. */
export type Told = Readonly<Record<"messages.txt" | "status.yaml" | "resources.yaml", string>>;

/** Runs `contour translate` on a story, in this process. */
export async function tell(story: Story): Promise<Told> {
  const status = await capture(story, { status: true, output: "yaml" });
  const resources = await capture(story, { resources: story.resources, output: "yaml" });
  return { "messages.txt": `${resources.err}exit code ${resources.code}\n`, "status.yaml": story.features ? status.out : status.out.replaceAll(/^ +supportedFeatures:\n( +- name: \w+\n)+/gm, ""), "resources.yaml": resources.out };
}

async function capture(story: Story, options: Parameters<typeof translate>[1]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await translate([manifestsOf(story)], options, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join(""), err: err.join("").replaceAll(`${manifestsOf(story)}/`, "") };
}

/** What is written down for a story; empty where nothing is. */
export function written(story: Story): Told {
  const read = (name: string): string => (existsSync(join(story.folder, name)) ? readFileSync(join(story.folder, name), "utf8") : "");
  return { "messages.txt": read("messages.txt"), "status.yaml": read("status.yaml"), "resources.yaml": read("resources.yaml") };
}

/** Writes down what a story says now. */
export function writeDown(story: Story, told: Told): void {
  for (const [name, text] of Object.entries(told)) writeFileSync(join(story.folder, name), text);
}
