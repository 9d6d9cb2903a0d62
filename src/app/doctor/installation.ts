import { applyConfiguration } from "#app/configuration";
import { parseConfiguration } from "#app/configuration-file";
import { gatewayPortBeside } from "#app/gateway-ports";
import { ofIngress } from "#app/permissions";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import type { KindName } from "#k8s/kinds";
import { defaultEnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { Choices } from "#settings/configuration";
import { statusOf } from "#sources/kubernetes/api-error";
import type { ApiClient } from "#sources/kubernetes/client";
import { listAll } from "#sources/kubernetes/list";

/** How one controller looks at objects. */
export interface ControllerView extends Choices {
  /** Namespaces that are looked at; none is all. */
  readonly watched: readonly string[];
  /** The same for Secrets, where that is narrower. */
  readonly secrets: readonly string[];
  readonly disabledKinds: readonly KindName[];
}

/** The controllers of a namespace, as far as that can be read from their Deployments. */
export interface Installation {
  readonly controllers: readonly ControllerView[];
  readonly notes: readonly string[];
}

interface PodSpec {
  readonly containers?: readonly { readonly args?: readonly string[]; readonly env?: readonly { readonly name: string; readonly value?: string }[]; readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[] }[];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec?: PodSpec } };
}

interface Controller {
  readonly deployment: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly path: string; readonly configMap: string }[];
}

/** Reads by which flags and configuration the controllers of a namespace run. */
export async function readInstallation(client: ApiClient, namespace: string): Promise<Installation> {
  const found = (await listAll<Deployment>(client, `/apis/apps/v1/namespaces/${namespace}/deployments`)).flatMap(controllersOf);
  const base: Choices = { settings: { ...defaultSettings, controllerNamespace: namespace }, envoySettings: defaultEnvoySettings };
  if (found.length === 0) return { controllers: [{ ...withPorts(base), watched: [], secrets: [], disabledKinds: [] }], notes: [`no controller runs as a Deployment in namespace ${namespace} (--namespace): objects are judged by the default settings`] };
  const read = await Promise.all(found.map((controller) => (controller.command === "serve" ? servingView(client, namespace, controller, base) : { view: provisionerView(controller, base), notes: [] })));
  return { controllers: read.map(({ view }) => view), notes: read.flatMap(({ notes }) => notes) };
}

async function servingView(client: ApiClient, namespace: string, controller: Controller, base: Choices): Promise<{ readonly view: ControllerView; readonly notes: readonly string[] }> {
  const { notes, ...choices } = await configured(client, namespace, controller, withFlags(base, controller));
  const placed = controller.args.includes("--provision-gateways") ? withOwnFleets(choices) : withPorts(choices);
  return { view: { ...placed, watched: list(flag(controller, "watch-namespaces")), secrets: list(flag(controller, "secret-namespaces")), disabledKinds: [] }, notes };
}

function provisionerView(controller: Controller, base: Choices): ControllerView {
  const { settings, envoySettings } = withOwnFleets(base);
  const name = flag(controller, "gateway-controller-name");
  return { settings: { ...settings, ...(name === undefined ? {} : { gatewayControllerName: name }) }, envoySettings, watched: [], secrets: [], disabledKinds: ofIngress };
}

function withOwnFleets({ settings, envoySettings }: Choices): Choices {
  return { settings: { ...settings, gatewaySites: "own-fleet" }, envoySettings };
}

/** Gateways that share Envoys with Ingresses and HTTPProxies leave these their ports. */
function withPorts({ settings, envoySettings }: Choices): Choices {
  return { settings: { ...settings, gatewayPort: gatewayPortBeside([settings.http.port, settings.https.port]) }, envoySettings };
}

function controllersOf({ metadata, spec }: Deployment): readonly Controller[] {
  const { containers = [], volumes = [] } = spec?.template?.spec ?? {};
  return containers.flatMap(({ args = [], env = [], volumeMounts = [] }) => {
    const command = args.find((arg) => arg === "serve" || arg === "gateway-provisioner");
    if (command === undefined) return [];
    const mounts = volumeMounts.flatMap(({ name, mountPath }) => {
      const configMap = volumes.find((volume) => volume.name === name)?.configMap?.name;
      return configMap === undefined ? [] : [{ path: mountPath, configMap }];
    });
    return [{ deployment: metadata.name, command, args, env: Object.fromEntries(env.map(({ name, value = "" }) => [name, value])), mounts }];
  });
}

/** The value of a flag: `--name=value`, or `--name value`. */
function flag({ args }: Controller, name: string): string | undefined {
  const joined = args.findLast((arg) => arg.startsWith(`--${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 3);
  const at = args.lastIndexOf(`--${name}`);
  return at === -1 ? undefined : args[at + 1];
}

function list(text = ""): readonly string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

function withFlags({ settings, envoySettings }: Choices, controller: Controller): Choices {
  const port = (name: string, otherwise: number): number => Number(flag(controller, name) ?? otherwise);
  return {
    envoySettings,
    settings: {
      ...settings,
      ingressClassNames: list(flag(controller, "ingress-class-name")),
      rootNamespaces: list(flag(controller, "root-namespaces")),
      http: { ...settings.http, port: port("envoy-service-http-port", settings.http.port) },
      https: { ...settings.https, port: port("envoy-service-https-port", settings.https.port) },
      useProxyProtocol: controller.args.includes("--use-proxy-protocol"),
    },
  };
}

async function configured(client: ApiClient, namespace: string, controller: Controller, choices: Choices): Promise<Choices & { readonly notes: readonly string[] }> {
  const path = flag(controller, "config-path") ?? (controller.args.includes("-c") ? controller.args[controller.args.indexOf("-c") + 1] : undefined);
  const spec = path === undefined ? await specOfObject(client, namespace, flag(controller, "contour-config-name") ?? controller.env["CONTOUR_CONFIG_NAME"]) : await specOfFile(client, namespace, controller, path);
  if (spec === undefined) return { ...choices, notes: [] };
  if (typeof spec === "string") return { ...choices, notes: [spec] };
  const { settings, envoySettings } = applyConfiguration(choices, spec);
  return { settings, envoySettings, notes: [] };
}

type Spec = ContourConfiguration["spec"];

async function specOfObject(client: ApiClient, namespace: string, name: string | undefined): Promise<Spec | string | undefined> {
  if (name === undefined || name === "") return undefined;
  return client.call<{ readonly spec?: Spec }>({ path: `/apis/projectcontour.io/v1alpha1/namespaces/${namespace}/contourconfigurations/${name}` }).then(({ spec = {} }) => spec, (error: unknown) => unread(`ContourConfiguration ${namespace}/${name}`, error));
}

/** The file is in a ConfigMap that the controller's pods have as a folder. */
async function specOfFile(client: ApiClient, namespace: string, { mounts, deployment }: Controller, path: string): Promise<Spec | string | undefined> {
  const mount = mounts.find((one) => path === one.path || path.startsWith(`${one.path.replace(/\/$/, "")}/`));
  if (mount === undefined) return `the configuration file ${path} of Deployment ${namespace}/${deployment} is in no ConfigMap: objects are judged by its flags alone`;
  const key = path.slice(mount.path.length).replace(/^\//, "") || "contour.yaml";
  try {
    const { data = {} } = await client.call<{ readonly data?: Readonly<Record<string, string>> }>({ path: `/api/v1/namespaces/${namespace}/configmaps/${mount.configMap}` });
    const text = data[key];
    const parsed = text === undefined ? undefined : parseConfiguration(`ConfigMap ${namespace}/${mount.configMap} ${key}`, text, () => false);
    return parsed === undefined ? undefined : parsed.ok ? parsed.value.spec : `${parsed.error[0] ?? ""}: objects are judged by the flags of the controller alone`;
  } catch (error) {
    return unread(`ConfigMap ${namespace}/${mount.configMap}`, error);
  }
}

function unread(what: string, error: unknown): string {
  if (statusOf(error) === 0) throw error;
  return `${what} cannot be read (${String(error)}): objects are judged by the flags of the controller alone`;
}
