import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { shareNames } from "../../schema/share.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { describeWords, hashProgram, type Injection, ownValue, type Wrapped, wordsOf } from "./marker.ts";
import { launchersAt } from "./present.ts";
import { describeContainers } from "./record.ts";
import { agentOnShare, operatorFolder } from "./share.ts";

/**
 * What the containers themselves look like, for those whose record is gone: `kubectl debug --copy-to
 * --keep-init-containers=false` drops it, and who edits an exported object renames containers.
 */

const adding = ["pull", "push", "install", "sidecar", "serve"];
/** Before version 0.2.0 shell scripts did the work. */
const scripts = ["/oras/bin/setup.sh", ...scriptsAt(names.sharePath, ["pull", "push"])];
const scriptsOfSidecars = [
  `${names.sharePath}/${operatorFolder}/${shareNames.orasEntrypoint}`,
  ...scriptsAt(names.sharePath, ["original-sidecar", "custom-sidecar"]),
];
const addedPrograms = new Set([...scripts, ...scriptsOfSidecars]);
const launchScripts = ["launch", "original-entrypoint", "original-launcher", "custom-entrypoint"];

function scriptsAt(mountPath: string, files: readonly string[]): string[] {
  return files.map((file) => `${mountPath}/bin/${file}.sh`);
}

/**
 * A description that also names the containers which are injected by their look, and which no record names.
 *
 * @param spec - of the Pod
 * @param recorded - what was injected, by a record
 * @returns the record itself where it names all
 */
export function withUnrecorded(spec: V1PodSpec, recorded: Injection | undefined): Injection | undefined {
  const shares = sharesOf(spec);
  const known = recorded?.volumes[0];
  const looks = (container: V1Container) =>
    startedFrom(container, shares) ?? (runsAdded(container) ? mountedFrom(container, shares) : undefined);
  const isKnown = known !== undefined && shares.has(known);
  const share = isKnown ? known : firstOf([...spec.containers, ...(spec.initContainers ?? [])], looks);
  if (share === undefined) return recorded;
  const base = isKnown ? recorded : undefined;
  const from = new Set([share]);
  const isNew = (map: object | undefined, { name }: V1Container) =>
    ownValue((map ?? {}) as Readonly<Record<string, unknown>>, name) === undefined;
  const programs = spec.containers
    .filter((container) => isNew(base?.wrapped, container) && startedFrom(container, from) !== undefined)
    .flatMap((container) => {
      const program = programOf(container);
      return program ? [[container, program] as const] : [];
    });
  const isAdded = (container: V1Container) =>
    runsAdded(container) && mountedFrom(container, from) !== undefined;
  const init = (spec.initContainers ?? []).filter((c) => isNew(base?.initContainers, c) && isAdded(c));
  const others = spec.containers.filter((c) => isNew(base?.containers, c) && isAdded(c));
  if (programs.length + init.length + others.length === 0) return recorded;
  const wrapped = programs.map(([container, program]) => [
    container.name,
    describeWrapped(container, program),
  ]);
  return {
    ...(base?.namespace !== undefined && { namespace: base.namespace }),
    volumes: base?.volumes ?? [share, ...besideShare(spec, share, [...init, ...others])],
    initContainers: { ...base?.initContainers, ...describeContainers(init) },
    containers: { ...base?.containers, ...describeContainers(others) },
    wrapped: { ...base?.wrapped, ...(Object.fromEntries(wrapped) as Record<string, Wrapped>) },
  };
}

/** Names of the volumes that may be a share. */
function sharesOf({ volumes }: V1PodSpec): ReadonlySet<string> {
  const shares = (volumes ?? []).filter(
    ({ name, emptyDir }) => emptyDir && name.startsWith(names.shareVolume),
  );
  return new Set(shares.map(({ name }) => name));
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The share that a container mounts where only added containers do. */
function mountedFrom({ volumeMounts }: V1Container, shares: ReadonlySet<string>): string | undefined {
  return volumeMounts?.find((m) => shares.has(m.name) && m.mountPath === names.sharePath)?.name;
}

/** The share that a container is started from. */
function startedFrom(
  { command, volumeMounts }: V1Container,
  shares: ReadonlySet<string>,
): string | undefined {
  const [program = ""] = command ?? [];
  return volumeMounts?.find((m) => shares.has(m.name) && launchersAt(m.mountPath).includes(program))?.name;
}

function runsAdded(container: V1Container): boolean {
  const words = wordsOf(container);
  return words.some(
    (word, i) => addedPrograms.has(word) || (agents.has(word) && adding.includes(words[i + 1] ?? "")),
  );
}

/** Where added containers have the agent. */
const agents = new Set([names.agentPath, agentOnShare]);

/** Volumes that an injection has beside the share: mounted where only it does; or right behind the share, as they were added. */
function besideShare(spec: V1PodSpec, share: string, added: readonly V1Container[]): string[] {
  const mounts = added.flatMap(({ volumeMounts }) => volumeMounts ?? []);
  const mounted = besideMounts(mounts);
  // A script of the author's has a copy of the logins; who made it, and mounts them, may be the container that is gone.
  const isCopy = mounts.some(({ mountPath }) => mountPath === names.scriptLoginPath);
  const at = (spec.volumes ?? []).findIndex(({ name }) => name === share);
  const behind = (spec.volumes ?? []).slice(at + 1);
  const inputs = behind.filter(isInput).map(({ name }) => name);
  if (mounted.length > 0 && !isCopy) return [...new Set([...mounted, ...inputs])];
  const end = behind.findIndex((volume) => !isBeside(volume));
  return [...new Set([...behind.slice(0, end < 0 ? undefined : end).map(({ name }) => name), ...mounted])];
}

/** Whether a volume behind the share is an input: only wrapped containers mount it. */
function isInput({ name, image }: V1Volume): boolean {
  return image !== undefined && name.startsWith(names.inputVolume);
}

/** Whether a volume right behind the share is one of an injection. */
function isBeside(volume: V1Volume): boolean {
  const { name, secret, projected, emptyDir } = volume;
  if (isInput(volume)) return true;
  if (secret || projected)
    return [names.credentialsVolume, names.cacheLoginVolume].some((begin) => name.startsWith(begin));
  // Before version 0.2.0 another one held what the oras CLI read them from.
  const begins = [names.scriptLoginVolume, "oras-private"];
  return emptyDir?.medium === "Memory" && begins.some((begin) => name.startsWith(begin));
}

/** Names of the volumes that are mounted for credentials. */
export function besideMounts(
  volumeMounts: readonly { readonly name: string; readonly mountPath: string }[],
): string[] {
  const { credentialsPath, cacheLoginPath, scriptLoginPath } = names;
  const places: readonly string[] = [
    ...[credentialsPath, cacheLoginPath, scriptLoginPath],
    "/var/run/oras/private",
  ];
  return volumeMounts.filter(({ mountPath }) => places.includes(mountPath)).map(({ name }) => name);
}

/** The program's argument vector: after the options, `--`, and what the original's protocol puts in front of it. */
export function programOf(container: V1Container): readonly string[] | undefined {
  const { command, args = [] } = container;
  if (command?.[0]?.endsWith(tini)) return scriptedProgramOf(container);
  const end = args.indexOf("--");
  if (end < 0) return undefined;
  const program = args.slice(end + 1);
  return program[0]?.endsWith(`/${operatorFolder}/${shareNames.entrypoint}`) ? program.slice(4) : program;
}

/** The same before version 0.2.0, when options and their values were words of their own. */
function scriptedProgramOf({ command, args = [] }: V1Container): readonly string[] | undefined {
  if (command?.at(-1)?.endsWith("entrypoint.sh")) return args.slice(3); // <pipe> <input-path> <output-path>
  for (let i = 0; i < args.length; i += 2) if (args[i] === "--") return args.slice(i + 1);
  return undefined;
}

/** Describes a wrapped container by its look. Which of its words were the command's is not known: all are. */
export function describeWrapped(container: V1Container, program: readonly string[]): Wrapped {
  const words = wordsOf(container);
  return {
    launcher: describeWords(words.slice(0, words.length - program.length)),
    program: hashProgram({ command: [...program] }),
    command: program.length,
    args: 0,
    env: (container.env ?? [])
      .map(({ name }) => name)
      .filter((name) => name.startsWith(names.variablePrefix) || name === names.readyVariable),
  };
}

/**
 * Refuses an object out of which an injection was taken, and which still has a part of one: to inject it again would
 * wrap what is wrapped.
 *
 * @param spec - of the Pod in which nothing should be injected
 * @param path - where it stands in the submitted object
 */
export function checkLeftOver(spec: V1PodSpec, path: string): Problem[] {
  const shares = sharesOf(spec);
  const isAdded = (container: V1Container) =>
    mountedFrom(container, shares) !== undefined && runsAdded(container);
  return (["containers", "initContainers"] as const).flatMap((field) =>
    (spec[field] ?? []).flatMap((container, i) =>
      isLaunched(wordsOf(container)) || isAdded(container)
        ? [leftOver(container, `${path}.${field}[${i}]`)]
        : [],
    ),
  );
}

/** Whether words are those of a wrapped container, wherever the share was mounted. */
function isLaunched(words: readonly string[]): boolean {
  return words.some((word, i) => {
    const folder = folderOf(word, "/agent");
    if (folder !== undefined && launching.includes(words[i + 1] ?? "")) {
      const share = words[i + 2];
      return share === `--share=${folder}` || share === `--share=${folderOf(folder, `/${operatorFolder}`)}`;
    }
    const mount = folderOf(word, tini);
    if (mount === undefined) return false;
    // tini -s -g -- [busybox sh] script
    const after = words.slice(i + 4, i + 7);
    return scriptsAt(mount, launchScripts).some((script) => after.includes(script));
  });
}

const launching = ["exec", "application"];
const tini = "/bin/tini";

/** What a path has before its end. */
function folderOf(path: string, end: string): string | undefined {
  return path.length > end.length && path.endsWith(end) ? path.slice(0, -end.length) : undefined;
}

function leftOver({ name }: V1Container, path: string): Problem {
  return {
    code: "ChangedInjection",
    path,
    message: `container ${quoted(name)} has the command of an earlier injection, of which other parts were changed or removed since.`,
  };
}
