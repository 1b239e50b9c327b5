import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { listed, type Problem, quoted } from "../annotations/problems.ts";
import { formatRegistry } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import type { KnownImage } from "./admission-types.ts";

/**
 * Where processes see each other, whoever may become the user of the container that holds the password can read it in
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
  const shared = (["shareProcessNamespace", "hostPID"] as const).find((field) => pod[field] === true);
  if (settings.orasEnv === undefined || shared === undefined) return [];
  const all = [...pod.containers, ...(pod.initContainers ?? []), ...(pod.ephemeralContainers ?? [])];
  const reaching = all.filter(
    (container) => openshift || reachesAgent(container, pod, known(container as V1Container)),
  );
  if (reaching.length === 0) return [];
  const which = listed(reaching.map(({ name }) => name));
  return [
    {
      code: "ProcessesShared",
      path: `${path}.${shared}`,
      message: `found true beside ${annotations["oras-env"].key}; the password could be read from ${which}: allowed are containers whose securityContext.runAsUser is written and is neither ${names.uid} nor, with capabilities, 0.`,
    },
  ];
}

type Confined = Pick<V1Container, "securityContext">;

function reachesAgent(container: Confined, pod: V1PodSpec, known: KnownImage | undefined): boolean {
  const { privileged, capabilities, runAsUser } = container.securityContext ?? {};
  const has = (list: readonly string[] | undefined, ...wanted: string[]) =>
    list?.some((name) => wanted.includes(name.toUpperCase().replace(/^CAP_/, ""))) ?? false;
  if (privileged === true || has(capabilities?.add, "ALL", "SYS_PTRACE", "SETUID")) return true;
  const uid = runAsUser ?? pod.securityContext?.runAsUser ?? userOf(known);
  if (uid === undefined || uid === names.uid) return true;
  // Root becomes any user by CAP_SETUID, which container runtimes give it.
  return uid === 0 && !has(capabilities?.drop, "ALL", "SETUID");
}

/** The UID that an image runs as; a name's is in the image's own files. */
function userOf(known: KnownImage | undefined): number | undefined {
  if (known === undefined || "unknown" in known || known.program.user === undefined) return undefined;
  const [user = ""] = known.program.user.split(":", 1);
  if (user === "" || user === "root") return 0;
  return /^[0-9]{1,10}$/.test(user) ? Number(user) : undefined;
}

/**
 * A password is sent in plain HTTP to nothing but the step's own cache, whose way is inside the cluster.
 *
 * @param settings - of the step
 * @param connection - to the step's registry
 */
export function checkPlainHttp(settings: Settings, connection: Connection): Problem[] {
  if (settings.orasEnv === undefined || !connection.plainHttp || inCluster(connection)) return [];
  return [
    {
      code: "PasswordInPlainHttp",
      path: annotations["oras-env"].key,
      message: `found ${quoted(settings.orasEnv)}, whose password would go to ${formatRegistry(connection)} unencrypted; allowed is a registry that speaks HTTPS.`,
    },
  ];
}
