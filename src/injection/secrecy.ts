import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { listed, type Problem, quoted } from "../annotations/problems.ts";
import { formatRegistry } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { type Connection, staysInside } from "../cache/connection.ts";
import type { KnownImage } from "./admission-types.ts";
import type { Injection } from "./marker.ts";
import { findInjection } from "./present.ts";

/**
 * Where processes see each other, a process that can become the user of the container that holds the password can read it in
 * /proc/PID/root and /proc/PID/environ.
 *
 * @param pod - the Pod's spec
 * @param path - where it stands in the submitted object
 * @param settings - of the step
 * @param known - what is known of an image
 * @param openshift - whether the cluster assigns UIDs, the same ones to all containers of a namespace
 * @see https://man7.org/linux/man-pages/man2/ptrace.2.html, "Ptrace access mode checking"
 */
export function checkProcesses(
  pod: V1PodSpec,
  path: string,
  settings: Settings,
  known: (container: V1Container) => KnownImage | undefined,
  openshift: boolean,
): Problem[] {
  if (settings.orasEnv === undefined) return [];
  return checkShared(pod, path, openshift, (container) => userOf(known(container)));
}

/**
 * The same for a Pod that was injected already: other webhooks add containers later, to it or to the Pods of a Job. The
 * users of images were looked at when their containers were wrapped.
 *
 * @param pod - the Pod's spec, with the injection
 * @param path - where it stands in the submitted object
 * @param injection - what was injected
 * @param openshift - see there
 */
export function checkProcessesAgain(
  pod: V1PodSpec,
  path: string,
  injection: Injection,
  openshift: boolean,
): Problem[] {
  const present = findInjection(pod, injection);
  const isAuthors = (volume: V1Volume) => volume.secret && !volume.secret.optional;
  // The login of the cache is optional, and no secret among the Pods of its namespace.
  if (!present || !pod.volumes?.some((volume) => isAuthors(volume) && present.isAddedVolume(volume)))
    return [];
  const others: V1PodSpec = {
    ...pod,
    containers: pod.containers.filter((container) => !present.isAdded(container)),
    initContainers: (pod.initContainers ?? []).filter((container) => !present.isAddedInit(container)),
  };
  return checkShared(others, path, openshift, (container) =>
    present.wrapped(container) ? "looked at" : undefined,
  );
}

/** A user that no container has to have: its number, or that it is another one than the agent's. */
type User = number | "looked at";

function checkShared(
  pod: V1PodSpec,
  path: string,
  openshift: boolean,
  imageUser: (container: V1Container) => User | undefined,
): Problem[] {
  const shared = (["shareProcessNamespace", "hostPID"] as const).find((field) => pod[field] === true);
  if (shared === undefined) return [];
  const key = annotations["oras-env"].key;
  if (openshift) {
    const message = `found true beside ${key}; the password could be read from every container, because OpenShift runs all as one user.`;
    return [{ code: "ProcessesShared", path: `${path}.${shared}`, message }];
  }
  const all = [...pod.containers, ...(pod.initContainers ?? []), ...(pod.ephemeralContainers ?? [])];
  const missing = new Map<string, string[]>();
  for (const container of all) {
    for (const demand of demandsOn(container, pod, imageUser(container as V1Container))) {
      const containers = missing.get(demand);
      if (containers) containers.push(container.name);
      else missing.set(demand, [container.name]);
    }
  }
  if (missing.size === 0) return [];
  const told = [...missing].map(([demand, containers]) => `${demand} (${listed(containers)})`);
  const message = `found true beside ${key}; the password could be read from other containers, unless their securityContext has ${told.join(", ")}.`;
  return [{ code: "ProcessesShared", path: `${path}.${shared}`, message }];
}

type Confined = Pick<V1Container, "securityContext">;

/**
 * Capabilities that give nobody another user, the kernel or the disks of the node. Of the others some do (SETUID, SYS_PTRACE,
 * SYS_ADMIN, SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH, BPF, PERFMON, …), and newer kernels have more of them.
 *
 * @see https://man7.org/linux/man-pages/man7/capabilities.7.html
 */
const harmless = new Set([
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "IPC_LOCK", "KILL", "MKNOD", "NET_ADMIN"],
  ...[
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_RESOURCE",
  ],
]);

/** What has to be written for a container that must not reach the agent's files and environment. */
function demandsOn(container: Confined, pod: V1PodSpec, imageUser: User | undefined): string[] {
  const context = container.securityContext ?? {};
  const { privileged, allowPrivilegeEscalation, capabilities, runAsUser } = context;
  const plain = (list: readonly string[] | undefined) =>
    (list ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ""));
  const user = runAsUser ?? pod.securityContext?.runAsUser ?? imageUser;
  const dropped = plain(capabilities?.drop);
  return [
    ...(privileged === true ? ["no privileged: true"] : []),
    // A setuid file makes anybody its owner, root with all capabilities that are not dropped, or the agent's user.
    ...(allowPrivilegeEscalation === false ? [] : ["allowPrivilegeEscalation: false"]),
    ...(user === undefined || user === names.uid
      ? [`a runAsUser, another one than ${names.uid}`]
      : // Root becomes any user by CAP_SETUID, which container runtimes give it.
        user === 0 && !dropped.includes("ALL") && !dropped.includes("SETUID")
        ? ['capabilities.drop: ["ALL"] or a runAsUser other than 0']
        : []),
    ...(plain(capabilities?.add).every((name) => harmless.has(name))
      ? []
      : ["in capabilities.add none that reaches other processes, such as SYS_ADMIN"]),
  ];
}

/** The UID that an image runs as; a name's is in the image's own files. */
function userOf(known: KnownImage | undefined): number | undefined {
  if (known === undefined || "unknown" in known || known.program.user === undefined) return undefined;
  const [user = ""] = known.program.user.split(":", 1);
  if (user === "" || user === "root") return 0;
  return /^[0-9]{1,10}$/.test(user) ? Number(user) : undefined;
}

/**
 * A password is sent in plain HTTP to the step's own cache and to Services, whose way is inside the cluster, and to no
 * other registry.
 *
 * @param settings - of the step
 * @param connection - to the step's registry
 * @param clusterDomain - for example `cluster.local`
 */
export function checkPlainHttp(settings: Settings, connection: Connection, clusterDomain: string): Problem[] {
  if (settings.orasEnv === undefined || !connection.plainHttp) return [];
  if (staysInside(connection, clusterDomain)) return [];
  return [
    {
      code: "PasswordInPlainHttp",
      path: annotations["oras-env"].key,
      message: `found ${quoted(settings.orasEnv)}, whose password would go to ${formatRegistry(connection)} unencrypted; allowed is a registry that speaks HTTPS, or a Service of the cluster by its whole name, NAME.NAMESPACE.svc.${clusterDomain}.`,
    },
  ];
}
