import type {
  V1Container,
  V1PodSpec,
  V1ResourceRequirements,
  V1Volume,
  V1VolumeMount,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type ArtifactReference, formatPlainReference, formatReference } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import type { Answers, Installation } from "./admission-types.ts";
import { argument, environmentFor, option } from "./arguments.ts";
import type { Launcher } from "./launcher.ts";
import { restrictedSecurityContext } from "./security.ts";

/** What every added container and the wrapped ones are made from. */
export interface Step {
  readonly pod: V1PodSpec;
  readonly launchers: readonly Launcher[];
  readonly settings: Settings;
  readonly registry: Connection;
  readonly installation: Installation;
  readonly answers: Answers;
  /** What each added container asks for. */
  readonly resources: V1ResourceRequirements | undefined;
  /** Free names in the Pod. */
  readonly free: { readonly container: (name: string) => string; readonly volume: (name: string) => string };
}

const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The added volumes: the share, and where credentials are used, their Secret and a private folder. */
export function volumes(step: Step): V1Volume[] {
  const { settings, free, installation } = step;
  const sizeLimit = settings.shareSizeLimit ?? installation.shareSizeLimit;
  const share: V1Volume = {
    name: free.volume(names.shareVolume),
    emptyDir: sizeLimit === undefined ? {} : { sizeLimit },
  };
  if (settings.orasEnv === undefined) return [share];
  return [
    share,
    { name: free.volume(names.credentialsVolume), secret: { secretName: settings.orasEnv } },
    { name: free.volume(names.privateVolume), emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
  ];
}

/** The init containers: install the tools, pull the inputs, prove that the output may be pushed. */
export function initContainers(step: Step): V1Container[] {
  const { settings, installation, free, launchers } = step;
  const scripts = usesCustomScripts(settings);
  const install = [
    ...option("--share", names.sharePath),
    ...option("--launchers", launchers.length > 1 ? String(launchers.length) : undefined),
    ...option("--authority", scripts && settings.orasEnv ? `${names.credentialsPath}/ca.crt` : undefined),
    ...option("--entrypoint", settings.entrypoint),
    ...option("--oras-entrypoint", settings.orasEntrypoint),
    "--",
  ];
  const setup = ["/oras/bin/busybox", "sh", "/oras/bin/setup.sh"];
  // Custom scripts pull and push by themselves, in the container that stays.
  const pull = scripts ? [] : pullOptions(step);
  if (settings.orasContainer === undefined || pull.length === 0) {
    const name = free.container(names.pullContainer);
    return [
      addedContainer(
        step,
        { name, image: installation.agentImage, command: setup, args: [...install, ...pull] },
        { init: true },
      ),
    ];
  }
  const tools = free.container(names.toolsContainer);
  const name = free.container(names.pullContainer);
  return [
    // It copies tools only, and nobody chose its image: no credentials.
    addedContainer(
      step,
      { name: tools, image: installation.agentImage, command: setup, args: install },
      { init: true, credentials: false },
    ),
    addedContainer(
      step,
      { name, image: settings.orasContainer, command: script("pull.sh"), args: pull },
      { init: true },
    ),
  ];
}

function pullOptions(step: Step): string[] {
  const { settings, registry } = step;
  return [
    ...option("--share", names.sharePath),
    ...settings.inputs.flatMap((input) => option("--input", formatReference(registry, input))),
    ...option("--output", settings.output && formatReference(registry, settings.output)),
    ...commonOptions(step),
  ];
}

/** Whether a container is added that runs beside the Pod's own. */
export function addsContainer(settings: Settings): boolean {
  return settings.output !== undefined || usesCustomScripts(settings);
}

/** The container that pushes the output and stands last in the Pod; none when there is nothing to push. */
export function pushContainers(step: Step): V1Container[] {
  const { settings, registry, launchers, installation, free, pod } = step;
  const base = {
    name: free.container(names.pushContainer),
    image: settings.orasContainer ?? installation.agentImage,
  };
  if (usesCustomScripts(settings)) return [customSidecar(step, base)];
  if (settings.output === undefined) return [];
  const args = [
    ...option("--share", names.sharePath),
    ...option("--output", formatReference(registry, settings.output)),
    // Of each launcher, in their order.
    ...launchers.flatMap(({ container }) => option("--restart-policy", restartPolicy(pod, container))),
    ...launchers.flatMap(({ container }) => option("--image", container.image ?? "")),
    ...option("--inputs", String(settings.inputs.length)),
    ...option("--push-on", unlessDefault("push-on", settings.pushOn)),
    ...option("--compression", unlessDefault("compression", settings.compression)),
    ...commonOptions(step),
  ];
  return [addedContainer(step, { ...base, command: script("push.sh"), args }, { init: false })];
}

/** Options of the containers that speak to the registry. */
function commonOptions(step: Step): string[] {
  const { settings } = step;
  return [
    ...option("--timeout", String(settings.timeoutSeconds)),
    ...credentialOptions(step),
    ...option("--debug", settings.debug ? "true" : undefined),
  ];
}

/** The sidecar of the original's protocol: `<push-to> <unpack> <pull…>`, with `NA` for what is unset. */
function customSidecar(step: Step, base: { name: string; image: string }): V1Container {
  const { settings, registry } = step;
  const plain = (reference: ArtifactReference) => formatPlainReference(registry, reference);
  const own = settings.orasEntrypoint !== undefined;
  const args = [
    settings.output ? plain(settings.output) : "NA",
    String(settings.unpack),
    ...(settings.inputs.length > 0 ? settings.inputs.map(plain) : ["NA"]),
  ].map(argument);
  const container = addedContainer(
    step,
    {
      ...base,
      command: own ? [`${names.sharePath}/bin/custom-sidecar.sh`] : script("original-sidecar.sh"),
      args,
    },
    { init: false },
  );
  // The original's sidecar scripts read the credentials from their environment. What the protocol has no argument for
  // is there too.
  const env = [
    ...(container.env ?? []),
    ...Object.entries(protocolSettings(step)).map(([name, value]) => ({
      name: names.variablePrefix + name,
      value,
    })),
  ];
  return {
    ...container,
    ...(env.length > 0 ? { env } : {}),
    ...(settings.orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: settings.orasEnv } }] }),
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

/** The launcher's restart policy: its own (KEP-5307), else the Pod's. */
export function restartPolicy(pod: V1PodSpec, container: V1Container): string {
  return container.restartPolicy ?? pod.restartPolicy ?? "Always";
}

/** Whether a script of the author's replaces a built-in one. */
export function usesCustomScripts(settings: Settings): boolean {
  return settings.entrypoint !== undefined || settings.orasEntrypoint !== undefined;
}

/** Scripts have the defaults of annotations too: what is not said there is not said to them. */
export function unlessDefault(name: keyof typeof annotations, value: string): string | undefined {
  return value === annotations[name].default ? undefined : value;
}

function script(file: string): string[] {
  return [`${names.sharePath}/bin/busybox`, "sh", `${names.sharePath}/bin/${file}`];
}

function credentialOptions(step: Step): string[] {
  if (step.settings.orasEnv === undefined) return [];
  return [
    ...option("--credentials", names.credentialsPath),
    ...option("--credentials-host", credentialsHost(step)),
    ...option("--private", names.privatePath),
  ];
}

/** A password is shown to one registry: the step's own, where it asks for one, else the first that a URI names. */
function credentialsHost({ settings, registry }: Step): string {
  if (!inCluster(registry)) return registry.host;
  const named = [settings.output, ...settings.inputs].find((reference) => reference?.host !== undefined);
  return named?.host ?? registry.host;
}

function addedContainer(
  step: Step,
  base: Pick<V1Container, "name" | "image" | "command" | "args">,
  { init, credentials = step.settings.orasEnv !== undefined }: { init: boolean; credentials?: boolean },
): V1Container {
  const { pod, installation, resources, settings } = step;
  const { inputs, output } = settings;
  const env = environmentFor(...[output, ...inputs].map((r) => r && `${r.repository}${r.version}`));
  return {
    ...base,
    ...(env.length > 0 ? { env } : {}),
    ...(resources ? { resources } : {}),
    securityContext: restrictedSecurityContext(installation.openshift),
    volumeMounts: mounts(step, credentials),
    // A failed pull must end the Pod. Where the Pod restarts its containers it would be retried forever,
    // so the container says Never itself (KEP-5307, on by default from 1.35).
    ...(init && pod.restartPolicy !== "Never" && installation.kubernetesMinor >= 35
      ? { restartPolicy: "Never" }
      : {}),
  };
}

function mounts({ pod, free }: Step, credentials: boolean): V1VolumeMount[] {
  const share = free.volume(names.shareVolume);
  return [
    { name: share, mountPath: names.sharePath },
    ...(credentials
      ? [
          { name: free.volume(names.credentialsVolume), mountPath: names.credentialsPath, readOnly: true },
          { name: free.volume(names.privateVolume), mountPath: names.privatePath },
        ]
      : []),
    // The ServiceAccount admission plugin leaves containers alone that mount something there already.
    ...(pod.automountServiceAccountToken === false
      ? []
      : [{ name: share, mountPath: serviceAccountPath, readOnly: true }]),
  ];
}
