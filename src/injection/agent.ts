import type { V1Container, V1Lifecycle, V1PodSpec, V1Probe } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { amountOf } from "../annotations/quantity.ts";
import { type ArtifactReference, formatReference } from "../annotations/reference.ts";
import {
  bringsInputs,
  makesOutput,
  type Settings,
  usesScripts,
  waitsForInputs,
} from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { type Connection, inCluster, staysInside } from "../cache/connection.ts";
import { argument, environmentFor, flag, option } from "./arguments.ts";
import type { Launcher } from "./launcher.ts";
import { policyOf, removesInputs, restartsAll } from "./restart.ts";
import { secretVolumes } from "./secrets.ts";
import { agentIn } from "./share.ts";
import type { Step } from "./step.ts";

/** The command lines of the agent, which runs in every container of a step: see agent/internal/options. */

/** Puts the agent, and the author's scripts if there are any, on the share; and where the one that pushes finds logins. */
export function installArguments(step: Step): string[] {
  const { settings, launchers, pod } = step;
  const scripts = usesScripts(settings);
  return [
    ...option("--share", names.sharePath),
    ...option("--containers", String(launchers.length)),
    ...flag("--forget-outputs", restartsAll(pod)),
    ...option("--entrypoint", settings.entrypoint),
    ...option("--oras-entrypoint", settings.orasEntrypoint),
    ...option("--ca-file", scripts && settings.orasEnv ? `${names.credentialsPath}/ca.crt` : undefined),
    ...(scriptHasLogins(step) ? scriptLoginOptions(step) : []),
  ];
}

/** Whether a script of the author's that pulls and pushes is given logins. */
export function scriptHasLogins(step: Step): boolean {
  const { orasEntrypoint, orasEnv } = step.settings;
  return orasEntrypoint !== undefined && (orasEnv !== undefined || asksCache(step));
}

function scriptLoginOptions(step: Step): string[] {
  const { settings } = step;
  // A step without artifacts may never use its cache: it is not asked for whether it wants a login.
  const asks = settings.output !== undefined || settings.inputs.length > 0;
  return [
    ...option("--docker-config", names.scriptLoginPath),
    ...option("--timeout", String(settings.timeoutSeconds)),
    ...option("--credentials", settings.orasEnv && names.credentialsPath),
    ...cacheOptions(step, asks),
    ...flag("--debug", settings.debug),
  ];
}

/** Pulls the inputs, and proves that the output may be pushed. */
export function pullArguments(step: Step): string[] {
  const { settings, launchers, pod } = step;
  return [
    ...option("--share", names.sharePath),
    ...option("--containers", String(launchers.length)),
    ...flag("--forget-outputs", restartsAll(pod)),
    ...artifactOptions(step),
    ...waitOptions(step),
    ...option("--keeper", keeperOf(step)),
    ...option("--limit", shareLimit(step)),
    ...flag("--unpack=false", !settings.unpack),
    ...registryOptions(step),
  ];
}

/** Takes the outputs of the wrapped containers and pushes them as one artifact. */
export function pushArguments(step: Step): string[] {
  const { settings } = step;
  return [
    ...option("--share", names.sharePath),
    ...option("--output", settings.output && formatReference(step.registry, settings.output)),
    ...failureOption(step),
    ...wrappedOptions(step),
    ...option("--push-on", unlessDefault("push-on", settings.pushOn)),
    ...option("--compression", unlessDefault("compression", settings.compression)),
    ...option("--format", settings.format),
    ...registryOptions(step),
  ];
}

/** Does both in a Pod without an init container, and puts the agent on the share before anything else. */
export function serveArguments(step: Step): string[] {
  const { output, pushOn } = step.settings;
  return [
    ...bothArguments(step),
    ...failureOption(step),
    ...option("--keeper", keeperOf(step)),
    ...option("--push-on", output && unlessDefault("push-on", pushOn)),
  ];
}

/** The same for a step whose application script is the author's own: it speaks the original's protocol. */
export function sidecarArguments(step: Step): string[] {
  return [...bothArguments(step), ...option("--limit", shareLimit(step))];
}

/** Options of a container `oras` that pulls and pushes. */
function bothArguments(step: Step): string[] {
  const { settings } = step;
  return [
    ...option("--share", names.sharePath),
    ...artifactOptions(step),
    ...waitOptions(step),
    ...wrappedOptions(step),
    ...flag("--unpack=false", !settings.unpack),
    ...option("--compression", unlessDefault("compression", settings.compression)),
    ...option("--format", settings.format),
    ...registryOptions(step),
  ];
}

/**
 * Runs a wrapped program.
 *
 * @param step - of the container
 * @param launcher - the container
 * @param share - where its part of the share is mounted
 */
export function execArguments(step: Step, launcher: Launcher, share: string): string[] {
  const { settings, launchers, pod, shape } = step;
  const { output } = settings;
  const { inputPath, outputPath, outputPipe } = launcher.settings;
  const brings = bringsInputs(settings);
  const streams = shape === "hook";
  const makes = makesOutput(settings, launcher.settings);
  // Of several containers each hands its output over when it ends; whether the step as a whole has ended with what
  // is asked for is known when the last one has.
  const pushOn = launchers.length > 1 && settings.pushOn === "failure" ? "always" : settings.pushOn;
  return [
    ...option("--share", share),
    ...flag("--streams", streams),
    ...option("--input-path", brings ? (inputPath ?? ".") : undefined),
    ...flag("--keep-inputs", !streams && brings && !removesInputs(pod, launcher.container)),
    ...flag("--pushes", output !== undefined),
    ...option("--output-path", makes ? (outputPath ?? outputPipe ?? ".") : undefined),
    ...option("--output-pipe", outputPipe),
    ...option("--format", makes ? settings.format : undefined),
    ...flag("--keep-failure", settings.failure !== undefined),
    ...option("--push-on", output && unlessDefault("push-on", pushOn)),
    ...flag("--oras-comes-back", (streams || output !== undefined) && pod.restartPolicy !== "Never"),
    ...(makes ? secretMounts(pod, launcher.container) : []).flatMap((mount) => option("--leave-out", mount)),
    ...programOptions(step, launcher),
  ];
}

/**
 * Holds Ready back until the program starts, which is when its inputs are whole; it never fails for good. Other probes begin
 * after it, too.
 *
 * @param share - where the container's part of the share is mounted
 */
export function startedProbe(share: string): V1Probe {
  return {
    exec: { command: [agentIn(share), "started", ...option("--share", share)] },
    periodSeconds: 1,
    timeoutSeconds: 10,
    failureThreshold: 2 ** 31 - 1,
  };
}

/**
 * Holds back the containers that stand behind it until the wrapped ones can be started: while it runs, the kubelet starts
 * none of them. It ends by itself, with success, because a hook that fails kills its container.
 */
export function readyHook(): V1Lifecycle {
  return {
    postStart: { exec: { command: [names.agentPath, "ready", ...option("--share", names.sharePath)] } },
  };
}

/** Runs the author's application script, whose end the container `oras` hears of. */
export function scriptArguments(step: Step, launcher: Launcher, share: string): string[] {
  const { settings, pod } = step;
  const beside = settings.orasEntrypoint === undefined;
  return [
    ...option("--share", share),
    ...flag("--pushes", beside),
    ...flag("--oras-comes-back", beside && pod.restartPolicy !== "Never"),
    ...programOptions(step, launcher),
  ];
}

/** Runs a wrapped program beside the author's sidecar script. */
export function applicationArguments(step: Step, launcher: Launcher, scripts: string): string[] {
  const { inputPath, outputPath, outputPipe } = launcher.settings;
  return [
    ...option("--share", scripts),
    ...option("--input-path", inputPath),
    ...option("--output-path", outputPath),
    ...option("--output-pipe", outputPipe),
    ...programOptions(step, launcher),
  ];
}

/** What follows an application script of the original's protocol, before the program: `<pipe> <input-path> <output-path>`. */
export function protocolPaths({ settings }: Launcher): string[] {
  const { inputPath, outputPath, outputPipe } = settings;
  return [outputPipe, inputPath, outputPath].map((path) => argument(path ?? unset));
}

/** What a sidecar script of the original's protocol gets: `<push-to> <unpack> <pull…>`. */
export function protocolArtifacts(settings: Settings, plain: (reference: ArtifactReference) => string) {
  return [
    settings.output ? plain(settings.output) : unset,
    String(settings.unpack),
    ...(settings.inputs.length > 0 ? settings.inputs.map(plain) : [unset]),
  ].map(argument);
}

const unset = "NA";

/** The mounts of Secrets and tokens, which are no part of an output. The agent knows the token that every Pod gets. */
function secretMounts(pod: V1PodSpec, { volumeMounts = [] }: V1Container): string[] {
  const secrets = secretVolumes(pod);
  if (secrets.size === 0) return [];
  return volumeMounts.flatMap(({ name, mountPath }) => {
    const what = secrets.get(name);
    return what === undefined ? [] : [JSON.stringify({ path: mountPath, what: `a ${what}` })];
  });
}

/** Of each wrapped container, in their order. */
function wrappedOptions({ launchers, pod }: Step): string[] {
  return [
    ...launchers.flatMap(({ container }) => option("--policy", policyOf(pod, container))),
    ...launchers.flatMap(({ container }) => option("--image", container.image ?? "")),
  ];
}

function artifactOptions({ settings, registry }: Step): string[] {
  return [
    ...settings.inputs.flatMap((input) => option("--input", formatReference(registry, input))),
    ...flag("--mounted-inputs", settings.inputAs === "volume"),
    ...option("--output", settings.output && formatReference(registry, settings.output)),
  ];
}

function failureOption({ settings, registry }: Step): string[] {
  return option("--failure-output", settings.failure && formatReference(registry, settings.failure));
}

/** Of whoever pulls, where the inputs may come later than the Pod. */
function waitOptions({ settings }: Step): string[] {
  if (!waitsForInputs(settings)) return [];
  const { waitTimeoutSeconds } = settings;
  return [
    ...flag("--wait-for-inputs", true),
    ...option("--wait-timeout", waitTimeoutSeconds === undefined ? undefined : String(waitTimeoutSeconds)),
  ];
}

function programOptions({ settings }: Step, launcher: Launcher): string[] {
  const { inputPath, outputPath, outputPipe } = launcher.settings;
  return [
    ...environmentFor(inputPath, outputPath, outputPipe).flatMap(({ name }) => option("--variable", name)),
    ...option("--message-path", launcher.container.terminationMessagePath),
    ...flag("--debug", settings.debug),
    "--",
  ];
}

/** Options of the containers that speak to registries. */
function registryOptions(step: Step): string[] {
  const { settings, registry, installation } = step;
  const isPlain = registry.plainHttp && staysInside(registry, installation.clusterDomain);
  const isOwn = asksCache(step);
  return [
    ...option("--timeout", String(settings.timeoutSeconds)),
    ...(settings.orasEnv === undefined
      ? []
      : [
          ...option("--credentials", names.credentialsPath),
          ...option("--credentials-host", credentialsHost(step)),
        ]),
    ...cacheOptions(step, true),
    ...option(
      "--plain-login-host",
      settings.orasEnv !== undefined && !isOwn && isPlain ? registry.host : undefined,
    ),
    ...flag("--debug", settings.debug),
  ];
}

/** How the step's own cache is spoken to, where it may want a login or serve TLS. */
function cacheOptions(step: Step, asks: boolean): string[] {
  if (!asksCache(step)) return [];
  const { host, plainHttp } = step.registry;
  return [
    ...option("--cache-credentials", names.cacheLoginPath),
    ...option(plainHttp ? "--plain-login-host" : "--cache-host", asks ? host : undefined),
  ];
}

/** Whether a step has a folder with the login of its cache, or CAs, or both: each may come later than the step. */
export function asksCache(step: Pick<Step, "registry" | "answers">): boolean {
  const { mayServeTls, storageCa } = step.registry;
  return cacheLoginOf(step) !== undefined || mayServeTls === true || storageCa !== undefined;
}

/** The Secret with the login of the step's cache, where the step uses its registry and that asks for a password. */
export function cacheLoginOf({ registry, answers }: Pick<Step, "registry" | "answers">): string | undefined {
  return inCluster(registry) ? answers.cacheLogin : undefined;
}

/** The keeper that knows whether there is room for the output, where that goes to the step's own cache. */
function keeperOf({ settings, registry }: Step): string | undefined {
  const isOwn = inCluster(registry) && settings.output !== undefined && settings.output.host === undefined;
  return isOwn && !registry.isOnS3 ? registry.host.replace(/:[0-9]+$/, `:${names.keeperPort}`) : undefined;
}

/** A password is shown to one registry: the step's own, where it asks for one, else the first that a URI names. */
export function credentialsHost({
  settings,
  registry,
}: {
  settings: Settings;
  registry: Connection;
}): string {
  if (!inCluster(registry)) return registry.host;
  const { inputs, output, failure } = settings;
  const named = [output, ...inputs, failure].find((reference) => reference?.host !== undefined);
  return named?.host ?? registry.host;
}

/** How many bytes the share takes, if it is limited. */
function shareLimit({ settings, installation }: Step): string | undefined {
  const limit = settings.shareSizeLimit ?? installation.shareSizeLimit;
  return limit === undefined ? undefined : String(Math.floor(amountOf(limit)));
}

/** What an annotation says, unless it is its default: the agent has the same defaults. */
function unlessDefault(name: keyof typeof annotations, value: string): string | undefined {
  return value === annotations[name].default ? undefined : value;
}
