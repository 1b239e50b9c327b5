import type { V1Container, V1SecretProjection, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { shareNames } from "../../schema/share.ts";
import { type ArtifactReference, formatPlainReference } from "../annotations/reference.ts";
import { type Settings, usesScripts, waitsForInputs } from "../annotations/settings.ts";
import { caConfigMapName } from "../cache/tls.ts";
import {
  asksCache,
  cacheLoginOf,
  credentialsHost,
  installArguments,
  protocolArtifacts,
  pullArguments,
  pushArguments,
  readyHook,
  scriptHasLogins,
  serveArguments,
  sidecarArguments,
} from "./agent.ts";
import { argument, environmentFor, inputDigestsEnvironment, proxyEnvironment } from "./arguments.ts";
import { inputVolume } from "./input-volume.ts";
import type { PodShape } from "./pod-shape.ts";
import { restartsServing } from "./restart.ts";
import { restrictedSecurityContext } from "./security.ts";
import { agentOnShare, operatorFolder, type ShareMount, scriptMounts } from "./share.ts";
import type { Step } from "./step.ts";

const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The added volumes: the share, where credentials are used, their Secret, and an input that is mounted. */
export function volumes(step: Step): V1Volume[] {
  const { settings, free, installation } = step;
  const sizeLimit = settings.shareSizeLimit ?? installation.shareSizeLimit;
  const share: V1Volume = {
    name: free.volume(names.shareVolume),
    emptyDir: sizeLimit === undefined ? {} : { sizeLimit },
  };
  const given: V1Volume[] =
    settings.orasEnv === undefined
      ? []
      : [{ name: free.volume(names.credentialsVolume), secret: { secretName: settings.orasEnv } }];
  return [share, ...given, ...cacheLoginVolume(step), ...scriptLoginVolume(step), ...inputVolume(step)];
}

/**
 * The login of the cache and its CAs. Optional, because a step may be there before its cache, and TLS may be switched on while
 * it runs: the agent waits for them, and says so.
 */
function cacheLoginVolume(step: Step): V1Volume[] {
  const { cache, storageCa } = step.registry;
  if (cache === undefined || !asksCache(step)) return [];
  const login = cacheLoginOf(step);
  const config = [{ key: ".dockerconfigjson", path: "config.json" }];
  const ca = { name: caConfigMapName(cache), optional: true, items: [{ key: "ca.crt", path: "ca.crt" }] };
  const sources = [
    ...(login === undefined ? [] : [{ secret: { name: login, optional: true, items: config } }]),
    { configMap: ca },
    ...(storageCa === undefined ? [] : [{ secret: storageCaSource(storageCa) }]),
  ];
  return [{ name: step.free.volume(names.cacheLoginVolume), projected: { sources } }];
}

/** Of the Secret nothing but the CA; in the same namespace the step's author may read it. */
function storageCaSource({ secret, key }: { secret: string; key: string }): V1SecretProjection {
  return { name: secret, optional: true, items: [{ key, path: "storage-ca.crt" }] };
}

/** In memory: passwords are in it. */
function scriptLoginVolume(step: Step): V1Volume[] {
  if (!scriptHasLogins(step)) return [];
  return [
    { name: step.free.volume(names.scriptLoginVolume), emptyDir: { medium: "Memory", sizeLimit: "4Mi" } },
  ];
}

/** The init containers: put the agent on the share, pull the inputs, prove that the output may be pushed. */
export function initContainers(step: Step): V1Container[] {
  const { settings, installation, free, shape } = step;
  if (shape === "hook") return [];
  const name = free.container(names.pullContainer);
  const image = installation.agentImage;
  if (usesScripts(settings)) {
    // The container that stays pulls and pushes.
    const base = { name, image, command: [names.agentPath, "install"], args: installArguments(step) };
    const logins = settings.orasEntrypoint === undefined ? "author" : "copies";
    return [addedContainer(step, base, { init: true, logins })];
  }
  const args = pullArguments(step);
  if (settings.orasContainer === undefined) {
    const base = { name, image, command: [names.agentPath, "pull"], args };
    return [addedContainer(step, base, { init: true, pulls: true })];
  }
  const install = {
    name: free.container(names.installContainer),
    image,
    command: [names.agentPath, "install"],
    args: installArguments(step),
  };
  const pull = { name, image: settings.orasContainer, command: [agentOnShare, "pull"], args };
  return [
    // Nobody chose its image, and it needs no password.
    addedContainer(step, install, { init: true, logins: "none" }),
    addedContainer(step, pull, { init: true, pulls: true }),
  ];
}

/** Whether a container is added that runs beside the Pod's own. */
export function addsContainer(settings: Settings, shape: PodShape): boolean {
  return shape === "hook" || settings.output !== undefined || usesScripts(settings);
}

/** The container that runs beside the Pod's own, and pushes the output; none when there is nothing for it to do. */
export function pushContainers(step: Step): V1Container[] {
  const { settings, installation, free, shape } = step;
  if (!addsContainer(settings, shape)) return [];
  const name = free.container(names.pushContainer);
  if (shape === "hook") return [servingContainer(step, name)];
  if (settings.orasEntrypoint !== undefined) return [scriptContainer(step, name)];
  const own = settings.orasContainer;
  const [command, args] =
    settings.entrypoint === undefined ? ["push", pushArguments(step)] : ["sidecar", sidecarArguments(step)];
  const base = {
    name,
    image: own ?? installation.agentImage,
    command: [own === undefined ? names.agentPath : agentOnShare, command],
    args,
  };
  return [addedContainer(step, base, { init: false, pulls: command === "sidecar" })];
}

/** Brings the inputs and takes the outputs. */
function servingContainer(step: Step, name: string): V1Container {
  const { pod, installation } = step;
  const base = {
    name,
    image: installation.agentImage,
    command: [names.agentPath, "serve"],
    args: serveArguments(step),
  };
  return {
    ...addedContainer(step, base, { init: false, pulls: true }),
    lifecycle: readyHook(),
    restartPolicy: "Never",
    restartPolicyRules: [{ action: "Restart", exitCodes: restartsServing(pod) }],
  };
}

/** Runs the author's sidecar script, which speaks the original's protocol. */
function scriptContainer(step: Step, name: string): V1Container {
  const { settings, registry, installation } = step;
  const plain = (reference: ArtifactReference) => formatPlainReference(registry, reference);
  const base = {
    name,
    image: settings.orasContainer ?? installation.scriptsImage,
    command: [`${names.sharePath}/${operatorFolder}/${shareNames.orasEntrypoint}`],
    args: protocolArtifacts(settings, plain),
  };
  const container = addedContainer(step, base, { init: false, logins: "copy" });
  const mount = (at: ShareMount) => ({ name: step.free.volume(names.shareVolume), ...at });
  // The original's sidecar scripts read the credentials from their environment. What the protocol has no argument for
  // is there too.
  const variables = Object.entries(protocolSettings(step)).map(([key, value]) => ({
    name: names.variablePrefix + key,
    value,
  }));
  if (scriptHasLogins(step)) variables.push({ name: "DOCKER_CONFIG", value: names.scriptLoginPath });
  // Beside the CAs of the image: Go reads each folder.
  if (asksCache(step))
    variables.push({ name: "SSL_CERT_DIR", value: `/etc/ssl/certs:${names.scriptLoginPath}` });
  return {
    ...container,
    env: [...(container.env ?? []), ...variables],
    ...(settings.orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: settings.orasEnv } }] }),
    // Other writers of the share have its whole: a script has what the protocol gives it.
    volumeMounts: [...scriptMounts(names.sharePath).map(mount), ...(container.volumeMounts ?? []).slice(1)],
  };
}

/** Settings that the original's protocol does not know. */
function protocolSettings(step: Step): Record<string, string> {
  const { registry, settings } = step;
  return {
    ...(registry.plainHttp ? { PLAIN_HTTP_HOST: registry.host } : {}),
    ...(settings.orasEnv === undefined ? {} : { CREDENTIALS_HOST: credentialsHost(step) }),
    TIMEOUT: String(settings.timeoutSeconds),
    COMPRESSION: settings.compression,
    DEBUG: String(settings.debug),
  };
}

function addedContainer(
  step: Step,
  base: Pick<V1Container, "name" | "image" | "command" | "args">,
  { init, pulls = false, logins = "all" }: { init: boolean; pulls?: boolean; logins?: Logins },
): V1Container {
  const { pod, installation, resources, settings } = step;
  const { inputs, output, failure } = settings;
  const env = [
    ...(logins === "none" ? [] : [{ name: names.requestVariable, value: argument(step.request) }]),
    ...environmentFor(...[output, failure, ...inputs].map((r) => r && `${r.repository}${r.version}`)),
    ...(pulls && waitsForInputs(settings) ? inputDigestsEnvironment : []),
    // Without logins there is nobody to ask.
    ...(logins === "none" ? [] : proxyEnvironment(installation)),
  ];
  return {
    ...base,
    ...(env.length > 0 ? { env } : {}),
    ...(resources ? { resources } : {}),
    securityContext: restrictedSecurityContext(installation.openshift),
    volumeMounts: mounts(step, logins),
    // A failed pull must end the Pod. Where the Pod restarts its containers it would be retried forever,
    // so the container says Never itself (KEP-5307, on by default from 1.35).
    ...(init && pod.restartPolicy !== "Never" && installation.kubernetesMinor >= 35
      ? { restartPolicy: "Never" }
      : {}),
  };
}

/**
 * Which logins a container sees: those of the author and of the cache; and the copy that it makes of both; the author's and
 * that copy; those of the author alone; none.
 */
type Logins = "all" | "copies" | "copy" | "author" | "none";

function mounts(step: Step, logins: Logins): V1VolumeMount[] {
  const { pod, free, settings } = step;
  const share = free.volume(names.shareVolume);
  const ofAuthor = logins !== "none" && settings.orasEnv !== undefined;
  const ofCache = (logins === "all" || logins === "copies") && asksCache(step);
  const asCopy = (logins === "copies" || logins === "copy") && scriptHasLogins(step);
  return [
    { name: share, mountPath: names.sharePath },
    ...(ofAuthor
      ? [{ name: free.volume(names.credentialsVolume), mountPath: names.credentialsPath, readOnly: true }]
      : []),
    ...(ofCache
      ? [{ name: free.volume(names.cacheLoginVolume), mountPath: names.cacheLoginPath, readOnly: true }]
      : []),
    ...(asCopy ? [{ name: free.volume(names.scriptLoginVolume), mountPath: names.scriptLoginPath }] : []),
    // The ServiceAccount admission plugin leaves containers alone that mount something there already.
    ...(pod.automountServiceAccountToken === false
      ? []
      : [{ name: share, mountPath: serviceAccountPath, readOnly: true }]),
  ];
}
