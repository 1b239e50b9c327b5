import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../generated/names.ts";
import { formatReference, type Registry } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import type { Surroundings } from "./admission-types.ts";
import { addedResources } from "./resources.ts";
import { restrictedSecurityContext } from "./security.ts";

/** What every added container and the wrapped one are made from. */
export interface Step {
  readonly pod: V1PodSpec;
  readonly launcher: V1Container;
  readonly settings: Settings;
  readonly registry: Registry;
  readonly around: Surroundings;
  /** Free names in the Pod. */
  readonly free: { readonly container: (name: string) => string; readonly volume: (name: string) => string };
}

const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The added volumes: the share, and where credentials are used, their Secret and a private folder. */
export function volumes(step: Step): V1Volume[] {
  const { settings, free } = step;
  const share: V1Volume = { name: free.volume(names.shareVolume), emptyDir: {} };
  if (settings.orasEnv === undefined) return [share];
  return [
    share,
    { name: free.volume(names.credentialsVolume), secret: { secretName: settings.orasEnv } },
    { name: free.volume(names.privateVolume), emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
  ];
}

/** The init containers: install the tools, pull the inputs, prove that the output may be pushed. */
export function initContainers(step: Step): V1Container[] {
  const { settings, around, free } = step;
  const install = [
    ...option("--share", names.sharePath),
    ...option("--entrypoint", settings.entrypoint),
    ...option("--oras-entrypoint", settings.orasEntrypoint),
    "--",
  ];
  const setup = ["/oras/bin/busybox", "sh", "/oras/bin/setup.sh"];
  // Custom scripts pull and push by themselves, in the container that stays.
  const pull = usesCustomScripts(settings) ? [] : pullOptions(step);
  if (settings.orasContainer === undefined || pull.length === 0) {
    const name = free.container(names.pullContainer);
    return [
      ours(step, { name, image: around.toolsImage, command: setup, args: [...install, ...pull] }, true),
    ];
  }
  const tools = free.container(names.toolsContainer);
  const name = free.container(names.pullContainer);
  return [
    ours(step, { name: tools, image: around.toolsImage, command: setup, args: install }, true),
    ours(step, { name, image: settings.orasContainer, command: script("pull.sh"), args: pull }, true),
  ];
}

function pullOptions(step: Step): string[] {
  const { settings, registry } = step;
  return [
    ...option("--share", names.sharePath),
    ...settings.inputs.flatMap((input) => option("--input", formatReference(registry, input))),
    ...option("--output", settings.output && formatReference(registry, settings.output)),
    ...credentialOptions(settings),
    ...option("--debug", settings.debug ? "true" : undefined),
  ];
}

/** The container that pushes the output and stands last in the Pod; none when there is nothing to push. */
export function pushContainers(step: Step): V1Container[] {
  const { settings, registry, launcher, around, free, pod } = step;
  const base = {
    name: free.container(names.pushContainer),
    image: settings.orasContainer ?? around.toolsImage,
  };
  if (usesCustomScripts(settings)) return [customSidecar(step, base)];
  if (settings.output === undefined) return [];
  const args = [
    ...option("--share", names.sharePath),
    ...option("--output", formatReference(registry, settings.output)),
    ...option("--restart-policy", restartPolicy(pod, launcher)),
    ...option("--image", launcher.image),
    ...option("--inputs", String(settings.inputs.length)),
    ...credentialOptions(settings),
    ...option("--debug", settings.debug ? "true" : undefined),
  ];
  return [ours(step, { ...base, command: script("push.sh"), args }, false)];
}

/** The sidecar of the original's protocol: `<push-to> <unpack> <pull…>`, with `NA` for what is unset. */
function customSidecar(step: Step, base: { name: string; image: string }): V1Container {
  const { settings, registry } = step;
  const plain = (reference: NonNullable<Settings["output"]>) =>
    `${registry.host}/${reference.repository}${reference.version}`;
  const own = settings.orasEntrypoint !== undefined;
  const args = [
    settings.output ? plain(settings.output) : "NA",
    String(settings.unpack),
    ...(settings.inputs.length > 0 ? settings.inputs.map(plain) : ["NA"]),
  ].map(literal);
  const container = ours(
    step,
    {
      ...base,
      command: own ? [`${names.sharePath}/bin/custom-sidecar.sh`] : script("original-sidecar.sh"),
      args,
    },
    false,
  );
  // The original's sidecar scripts read the credentials from their environment; ours reads how the registry is spoken
  // to, which the protocol has no argument for.
  return {
    ...container,
    ...(registry.plainHttp ? { env: [{ name: "ORAS_OPERATOR_PLAIN_HTTP", value: "true" }] } : {}),
    ...(settings.orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: settings.orasEnv } }] }),
  };
}

/** The launcher's restart policy: its own (KEP-5307), else the Pod's. */
export function restartPolicy(pod: V1PodSpec, launcher: V1Container): string {
  return launcher.restartPolicy ?? pod.restartPolicy ?? "Always";
}

/** Whether a script of the author's replaces one of ours. */
export function usesCustomScripts(settings: Settings): boolean {
  return settings.entrypoint !== undefined || settings.orasEntrypoint !== undefined;
}

/** An option and its value; nothing when the value is unset. */
export function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, literal(value)];
}

/** The kubelet expands `$(NAME)` in args and reads `$$` as one dollar sign; a value of ours is meant as it is. */
export function literal(value: string): string {
  return value.replaceAll("$", "$$$$");
}

function script(file: string): string[] {
  return [`${names.sharePath}/bin/busybox`, "sh", `${names.sharePath}/bin/${file}`];
}

function credentialOptions(settings: Settings): string[] {
  return settings.orasEnv === undefined
    ? []
    : [...option("--credentials", names.credentialsPath), ...option("--private", names.privatePath)];
}

function ours(
  step: Step,
  base: Pick<V1Container, "name" | "image" | "command" | "args">,
  init: boolean,
): V1Container {
  const { pod, launcher, around } = step;
  const resources = addedResources(pod, launcher);
  return {
    ...base,
    ...(resources ? { resources } : {}),
    securityContext: restrictedSecurityContext(around.openshift),
    volumeMounts: mounts(step),
    // A failed pull must end the Pod. Where the Pod restarts its containers it would be tried again for ever,
    // so the container says Never itself (KEP-5307, on by default from 1.35).
    ...(init && pod.restartPolicy !== "Never" && around.kubernetesMinor >= 35
      ? { restartPolicy: "Never" }
      : {}),
  };
}

function mounts(step: Step): V1VolumeMount[] {
  const { settings, pod, free } = step;
  const share = free.volume(names.shareVolume);
  return [
    { name: share, mountPath: names.sharePath },
    ...(settings.orasEnv === undefined
      ? []
      : [
          { name: free.volume(names.credentialsVolume), mountPath: names.credentialsPath, readOnly: true },
          { name: free.volume(names.privateVolume), mountPath: names.privatePath },
        ]),
    // The ServiceAccount admission plugin leaves containers alone that mount something there already.
    ...(pod.automountServiceAccountToken === false
      ? []
      : [{ name: share, mountPath: serviceAccountPath, readOnly: true }]),
  ];
}
