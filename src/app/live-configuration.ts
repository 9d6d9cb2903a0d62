import type { Logger } from "pino";
import { applyConfiguration } from "#app/configuration";
import type { ConfigurationNews } from "#app/configuration-source";
import { placesOf } from "#app/controller-places";
import type { ControllerPlaces } from "#app/controller-places";
import { configurationError, configurationWarning } from "#conditions/contour-configuration";
import type { Problem } from "#conditions/problem";
import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import type { FieldPath } from "#k8s/object";
import { Bug } from "#lib/bug";
import { differingPaths } from "#lib/differing-paths";
import type { ConfigurationMetric } from "#metrics/configuration";
import type { Choices } from "#settings/configuration";
import type { StatusUpdate } from "#status/writer";
import { validCondition } from "#translate/shared/valid-condition";

/** What counts, by the flags and the configuration. */
export interface LiveChoices extends Choices {
  readonly places: ControllerPlaces;
}

/** What keeping a configuration in force needs. */
export interface LiveConfigurationOptions {
  /** What counts where the configuration says nothing. */
  readonly base: LiveChoices;
  /** Fields of the spec, and all below them, that count from the start to the end of the process. */
  readonly fixed: readonly FieldPath[];
  /** The namespaces that are looked at; none is all. */
  readonly watched: readonly string[];
  readonly log: Logger;
  readonly clock: () => number;
  readonly metric: ConfigurationMetric;
}

/** Who follows a configuration. */
export interface ConfigurationFollower {
  changed(choices: LiveChoices): void;
  /** What the object's status should say. */
  status(update: StatusUpdate): void;
}

type Spec = ContourConfiguration["spec"];

/** Takes over each good version of the configuration; otherwise the last good one stays in force, and it is said why. */
export class LiveConfiguration {
  readonly #options: LiveConfigurationOptions;
  readonly #first = Promise.withResolvers<LiveChoices>();
  #choices: LiveChoices | undefined;
  #spec: Spec = {};
  #started: Spec | undefined;
  #changed = false;
  #status: StatusUpdate | undefined;
  #follower: ConfigurationFollower | undefined;

  constructor(options: LiveConfigurationOptions) {
    this.#options = options;
  }

  /** What counts at the start. Nothing is guessed: it waits for a configuration that does not exist yet. */
  get first(): Promise<LiveChoices> {
    return this.#first.promise;
  }

  /** From now on changes are told; also what came since `first`. */
  follow(follower: ConfigurationFollower): void {
    this.#follower = follower;
    if (this.#choices !== undefined && this.#changed) follower.changed(this.#choices);
    if (this.#status !== undefined) follower.status(this.#status);
  }

  /** Hears of the configuration. */
  take(news: ConfigurationNews): void {
    switch (news.kind) {
      case "written":
        return this.#written(news);
      case "unfit":
        for (const reason of news.reasons) this.#options.log.error(reason);
        this.#tell(news.object, news.errors.map(({ path, message }) => configurationError(path, message)));
        return this.#keep("the configuration cannot be read");
      case "absent":
        this.#options.log.error(news.reason);
        return this.#keep("there is no configuration");
      default:
        throw new Bug(`news ${news satisfies never}`);
    }
  }

  #written({ spec, describe, object }: Extract<ConfigurationNews, { readonly kind: "written" }>): void {
    const { base, log, metric, clock } = this.#options;
    const { settings, envoySettings, problems: found } = applyConfiguration(base, spec);
    const problems = [...found, ...this.#fixedProblems(spec), ...this.#unwatched(spec)];
    for (const { severity, path, message } of problems) log[severity === "error" ? "error" : "warn"](describe(path, message));
    this.#tell(object, problems);
    const isValid = found.every(({ severity }) => severity !== "error");
    // The very first one has no better one before it: what is wrong in it counts as not written.
    if (this.#choices !== undefined && !isValid) return this.#keep("the configuration is not valid");
    this.#takeOver(spec, { settings, envoySettings, places: placesOf(spec, base.places) });
    metric(isValid, clock());
  }

  #takeOver(spec: Spec, choices: LiveChoices): void {
    const { log } = this.#options;
    const fields = differingPaths(this.#spec, spec).map((path) => formatFieldPath(["spec", ...path]));
    const isFirst = this.#choices === undefined;
    this.#choices = choices;
    this.#spec = spec;
    this.#started ??= spec;
    this.#first.resolve(choices);
    if (isFirst || fields.length === 0) return;
    this.#changed = true;
    log.info({ fields }, "the configuration has changed, and counts from now on");
    this.#follower?.changed(choices);
  }

  #keep(why: string): void {
    const { log, clock, metric } = this.#options;
    metric(false, clock());
    if (this.#choices !== undefined) return log.error(`${why}; the last good one stays in force`);
    log.error(`${why}; nothing is served before there is one`);
  }

  /** What was written at the start counts on; also when it is written differently now. */
  #fixedProblems(spec: Spec): readonly Problem[] {
    if (this.#started === undefined) return [];
    const changed = differingPaths(this.#started, spec).map((path): FieldPath => ["spec", ...path]);
    const isFixed = (path: FieldPath): boolean => this.#options.fixed.some((field) => field.every((part, i) => path[i] === part));
    return changed.filter(isFixed).map((path) => configurationWarning("RestartNeeded", path, "this cannot change while the controller runs: it counts as it was at the start; restart the controller to go over to this"));
  }

  #unwatched({ httpproxy }: Spec): readonly Problem[] {
    const { watched } = this.#options;
    const missing = watched.length === 0 ? [] : (httpproxy?.rootNamespaces ?? []).filter((name) => !watched.includes(name));
    return missing.map((name) => configurationWarning("NamespaceNotWatched", ["spec", "httpproxy", "rootNamespaces"], `--watch-namespaces leaves out ${name}, so that nothing is seen there; add it to that flag`));
  }

  #tell(object: { readonly namespace: string; readonly name: string; readonly generation: number } | undefined, problems: readonly Problem[]): void {
    if (object === undefined) return;
    this.#status = { kind: "ContourConfiguration", ...object, status: { conditions: [validCondition("ContourConfiguration", object.generation, problems)] } };
    this.#follower?.status(this.#status);
  }
}
