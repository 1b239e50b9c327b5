import { cyclesIn } from "./cycles.ts";

/** How a step is. `gated` is a Pod that a scheduling gate holds, `suspended` a Job with `suspend: true`. */
export const stepStates = ["waiting", "gated", "suspended", "running", "succeeded", "failed"] as const;
export type StepState = (typeof stepStates)[number];

/** An artifact that a step names. */
export interface ArtifactFacts {
  /** Host, repository, and tag or digest: the same text for the same artifact, however it is written. */
  readonly address: string;
  /** As it is written, with what is known of its variables. */
  readonly reference: string;
  /** Whether its name has the value of the annotation `run` in it. */
  readonly isOfRun?: boolean | undefined;
  /** Name of the OrasCache that it is in; undefined where it is in a registry that the step names. */
  readonly cache?: string | undefined;
  /** What the step pushed there, or the operator for it. */
  readonly pushed?: { readonly digest: string; readonly at: string } | undefined;
}

/** That a step did not run, as its result was there already. */
export interface NotRun {
  /** Who made it, such as `Job count`, and when (RFC 3339); of several results the first. Unknown until the operator has written it. */
  readonly by?: string;
  readonly at?: string;
  /** Those that did not run of an Indexed Job of which the others do, as Kubernetes writes them. */
  readonly indexes?: { readonly text: string; readonly count: number };
}

/** What is known of a step without its artifacts. */
interface About {
  readonly kind: "Job" | "Pod";
  readonly name: string;
  /** What names of equal steps have in common. */
  readonly stem: string;
  /** The value of the annotation `run`. */
  readonly run?: string | undefined;
  /** Who made its result, where it or some of its indexes did not run, because that was remembered. */
  readonly memoizedFrom?: string | undefined;
  readonly notRun?: NotRun | undefined;
  readonly state: StepState;
  /** Why it failed, or does not start; a word, and a sentence. */
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  /** Of a Job with more than one completion. */
  readonly completions?: {
    readonly wanted: number;
    readonly succeeded: number;
    /** Pods that have failed, also those that were tried again. */
    readonly failed: number;
    /** As Kubernetes writes them, such as `1,3-5`. */
    readonly failedIndexes?: string | undefined;
  };
}

/** A step as it was read. */
export interface StepFacts extends About {
  readonly inputs: readonly ArtifactFacts[];
  readonly outputs: readonly ArtifactFacts[];
  /** What it pushes if it fails, which is no output. */
  readonly leaves?: readonly ArtifactFacts[];
}

/** Why a step holds those that read what it makes. */
export type WhyHeld = "failed" | "cycle" | "nobody" | "suspended" | "trouble";

/** What holds a step in the end: a step before it, however far. */
export interface Holder {
  /** Its id. */
  readonly step: string;
  /** It has failed, is in a cycle, waits for what nobody makes, is suspended, or cannot start. */
  readonly why: WhyHeld;
  /** Of a step that has failed or cannot start: a word. */
  readonly reason?: string | undefined;
}

/** A step of a graph. */
export interface StepNode extends About {
  /** `job/NAME` or `pod/NAME`. */
  readonly id: string;
  /** Ids of artifacts, each once. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The outputs that are known to be pushed, if any; a step that has failed may have some (`push-on: always`). */
  readonly pushed?: readonly string[];
  /** What it pushes if it fails, with the digest if it has. */
  readonly leaves?: readonly LeftArtifact[];
  /** What holds it in the end, however far before it; see withHolders. */
  readonly heldBy?: Holder | undefined;
}

/** What a step pushes if it fails, which is no output. */
export type LeftArtifact = Pick<ArtifactNode, "id" | "reference" | "digest">;

/** An artifact of a graph. */
export interface ArtifactNode {
  /** Its address. */
  readonly id: string;
  readonly reference: string;
  /** Of the latest push that is known. */
  readonly digest?: string | undefined;
  /** Ids of steps, each once. */
  readonly madeBy: readonly string[];
  /** Ids of steps that push it if they fail. */
  readonly leftBy?: readonly string[];
  readonly usedBy: readonly string[];
}

/** Who makes what from what. */
export interface Graph {
  readonly steps: readonly StepNode[];
  readonly artifacts: readonly ArtifactNode[];
  /** What failed steps have pushed and no step reads: by itself it is no part of what is drawn. */
  readonly left: readonly ArtifactNode[];
  /** Ids of steps of which each makes what the next one reads, and the last what the first one reads. */
  readonly cycles: readonly (readonly string[])[];
}

/**
 * Who makes what from what. The order of the steps does not matter.
 *
 * @param read - the steps of one namespace
 * @returns steps and artifacts by their ids
 */
export function graphOf(read: readonly StepFacts[]): Graph {
  const steps = withDigests(read);
  const nodes = steps.map(nodeOf).sort((a, b) => compare(a.id, b.id));
  const { artifacts, left } = artifactsOf(steps, nodes);
  return { steps: nodes, artifacts, left, cycles: cyclesIn(nodes, artifacts) };
}

/**
 * What a step has pushed when it failed, as far as is known; also of one that was tried again.
 *
 * @param step - any
 */
export function leftOf({ leaves = [] }: Pick<StepNode, "leaves">): readonly LeftArtifact[] {
  return leaves.filter(({ digest }) => digest !== undefined);
}

/**
 * The outputs that a step has made: all where it has succeeded, else those that are known to be pushed.
 *
 * @param step - any
 * @returns ids of artifacts
 */
export function madeOutputs({ state, outputs, pushed = [] }: StepNode): readonly string[] {
  return state === "succeeded" ? outputs : pushed;
}

/** Who pushed a digest makes what another step reads by that digest. */
function withDigests(steps: readonly StepFacts[]): StepFacts[] {
  const byDigest = new Map(
    steps
      .flatMap(({ inputs }) => inputs.filter(({ address }) => address.includes("@")))
      .map((input) => [input.address, input]),
  );
  const readAs = ({ address, pushed }: ArtifactFacts): ArtifactFacts[] => {
    const read = byDigest.get(`${address.replace(/:[^:/]*$/, "")}@${pushed?.digest}`);
    return read === undefined ? [] : [{ ...read, pushed }];
  };
  if (byDigest.size === 0) return [...steps];
  return steps.map((step) => ({ ...step, outputs: [...step.outputs, ...step.outputs.flatMap(readAs)] }));
}

function nodeOf({ inputs, outputs, leaves = [], ...about }: StepFacts): StepNode {
  const addresses = (of: readonly ArtifactFacts[]) => [...new Set(of.map(({ address }) => address))];
  const left = leaves.map(({ address: id, reference, pushed }) => ({
    id,
    reference,
    digest: pushed?.digest,
  }));
  const pushed = addresses(outputs.filter((output) => output.pushed !== undefined));
  return {
    ...{ ...about, id: idOf(about), inputs: addresses(inputs), outputs: addresses(outputs) },
    ...(pushed.length > 0 && { pushed }),
    ...(left.length > 0 && { leaves: left }),
  };
}

function idOf({ kind, name }: Pick<About, "kind" | "name">): string {
  return `${kind.toLowerCase()}/${name}`;
}

function artifactsOf(
  steps: readonly StepFacts[],
  nodes: readonly StepNode[],
): Pick<Graph, "artifacts" | "left"> {
  const facts = Map.groupBy(
    steps.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
    ({ address }) => address,
  );
  // Who reads it is to know whose it is.
  const left = Map.groupBy(
    steps.flatMap((step) => (step.leaves ?? []).map((artifact) => ({ ...artifact, by: idOf(step) }))),
    ({ address }) => address,
  );
  const madeBy = namedBy(nodes, "outputs");
  const usedBy = namedBy(nodes, "inputs");
  const nodeFor = ([id, of]: readonly [string, readonly ArtifactFacts[]]): ArtifactNode => ({
    id,
    reference: of.map(({ reference }) => reference).reduce((a, b) => (compare(a, b) <= 0 ? a : b)),
    digest: latest([...of, ...(left.get(id) ?? [])].flatMap(({ pushed }) => pushed ?? [])),
    madeBy: madeBy.get(id) ?? [],
    ...(left.has(id) && { leftBy: [...new Set(left.get(id)?.map(({ by }) => by))].sort(compare) }),
    usedBy: usedBy.get(id) ?? [],
  });
  const inOrder = (a: ArtifactNode, b: ArtifactNode) => compare(a.id, b.id);
  return {
    artifacts: [...facts].map(nodeFor).sort(inOrder),
    left: [...left]
      .filter(([id]) => !facts.has(id))
      .map(nodeFor)
      .filter(({ digest }) => digest !== undefined)
      .sort(inOrder),
  };
}

function namedBy(nodes: readonly StepNode[], field: "inputs" | "outputs"): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const node of nodes) {
    for (const address of node[field]) {
      const steps = found.get(address);
      if (steps) steps.push(node.id);
      else found.set(address, [node.id]);
    }
  }
  return found;
}

function latest(pushes: readonly { readonly digest: string; readonly at: string }[]): string | undefined {
  return pushes.reduce<(typeof pushes)[number] | undefined>(
    (last, push) => (last === undefined || push.at > last.at ? push : last),
    undefined,
  )?.digest;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
