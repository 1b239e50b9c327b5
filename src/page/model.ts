import { leftOf, type StepState } from "../lineage/graph.ts";
import { type Form, formOf } from "./form.ts";
import type { Drawing, Message, PageArtifact, PageNode, PageStep, Reach } from "./protocol.ts";
import { notRunWords } from "./words.ts";

/** Which steps are looked for: those of a group of states, and those in whose words something stands. */
export interface Filter {
  readonly show: Show;
  readonly query: string;
}

/** Groups of states, the most urgent first. */
export const groups = {
  failed: ["failed"],
  running: ["running"],
  waiting: ["waiting", "gated", "suspended"],
  succeeded: ["succeeded"],
} as const satisfies Readonly<Record<string, readonly StepState[]>>;
export type Group = keyof typeof groups;
export type Show = Group | "all";
export const groupNames = Object.keys(groups) as Group[];

/** What somebody has chosen to look at closely. */
export type Chosen =
  | { readonly type: "step" | "artifact"; readonly id: string }
  /** A node that stands for several. */
  | { readonly type: "several"; readonly of: PageNode["type"]; readonly label: string };

/** Everything that the page knows. */
export interface Model {
  readonly drawing: Drawing | undefined;
  readonly reach: Reach;
}

/**
 * A model after a message.
 *
 * @param model - before
 * @param message - of the program
 */
export function apply(model: Model, message: Message): Model {
  if (message.type === "reach") return { ...model, reach: message.reach };
  if (message.type === "drawing") return { ...model, drawing: message.drawing };
  const { drawing } = model;
  if (drawing === undefined) return model;
  return {
    ...model,
    drawing: {
      ...drawing,
      steps: replaced(drawing.steps, message.steps),
      artifacts: replaced(drawing.artifacts, message.artifacts),
    },
  };
}

function replaced<T>(list: readonly T[], changes: readonly (readonly [number, T])[]): readonly T[] {
  if (changes.length === 0) return list;
  const copy = [...list];
  for (const [at, now] of changes) if (at < copy.length) copy[at] = now;
  return copy;
}

/** The group that a state is in. */
export function groupOf(state: StepState): Group {
  return groupNames.find((name) => (groups[name] as readonly StepState[]).includes(state)) ?? "waiting";
}

/** How many steps are in each group. */
export function countsOf(steps: readonly PageStep[]): Record<Group, number> {
  const counts = { failed: 0, running: 0, waiting: 0, succeeded: 0 };
  for (const { state } of steps) counts[groupOf(state)]++;
  return counts;
}

/** Whether a step is looked for. */
export function matches(step: PageStep, { show, query }: Filter): boolean {
  if (show !== "all" && groupOf(step.state) !== show) return false;
  if (query === "") return true;
  const words = [
    ...[step.id, step.state, step.reason ?? "", step.message ?? "", notRunWords(step)],
    ...[...step.inputs, ...step.outputs],
    ...(step.leaves ?? []).map(({ id, digest = "" }) => `${id} ${digest}`),
  ];
  return words.some((word) => word.toLowerCase().includes(query.toLowerCase()));
}

/** Whether any filter is set. */
export function isSet({ show, query }: Filter): boolean {
  return show !== "all" || query !== "";
}

/** Whether a node stands for something that is looked for. */
export function nodeMatches(node: PageNode, { steps, artifacts }: Drawing, filter: Filter): boolean {
  if (!isSet(filter)) return true;
  if (node.type === "steps") return membersOf(node, steps).some((step) => matches(step, filter));
  if (filter.show !== "all") return false;
  const query = filter.query.toLowerCase();
  return membersOf(node, artifacts).some(({ id, digest = "" }) =>
    `${id} ${digest}`.toLowerCase().includes(query),
  );
}

/** The steps or artifacts that a node stands for. */
export function membersOf<T extends PageStep | PageArtifact>(node: PageNode, all: readonly T[]): T[] {
  return node.members.flatMap((at) => all[at] ?? []);
}

/**
 * An artifact that a step names. One that steps only push if they fail is in no list, unless a step reads it.
 *
 * @param id - of the artifact
 * @param drawing - of the namespace
 */
export function artifactIn(
  id: string,
  { steps, artifacts }: Pick<Drawing, "steps" | "artifacts">,
): PageArtifact | undefined {
  const known = artifacts.find((artifact) => artifact.id === id);
  if (known !== undefined) return known;
  const left = steps.flatMap((step) =>
    (step.leaves ?? []).filter((each) => each.id === id).map((each) => ({ ...each, by: step.id })),
  );
  const [first] = left;
  if (first === undefined) return undefined;
  // Of two pushes to one tag it is not known here which was the last.
  const [digest, ...others] = new Set(left.flatMap((each) => each.digest ?? []));
  return {
    ...{ id, reference: first.reference, digest: others.length === 0 ? digest : undefined },
    ...{ madeBy: [], usedBy: [], leftBy: left.map(({ by }) => by) },
  };
}

/** How many artifacts some steps have left when they failed. */
export function leftIn(steps: readonly PageStep[]): number {
  return steps.reduce((count, step) => count + leftOf(step).length, 0);
}

/** What choosing a node chooses. */
export function chosenBy(node: PageNode, { steps, artifacts }: Drawing): Chosen {
  const [at = 0, ...others] = node.members;
  if (others.length > 0) return { type: "several", of: node.type, label: node.label };
  const id = (node.type === "steps" ? steps : artifacts)[at]?.id ?? "";
  return { type: node.type === "steps" ? "step" : "artifact", id };
}

/**
 * The node in which something is drawn.
 *
 * @param chosen - what is looked for
 * @param drawing - of the namespace
 * @returns its place in the list of nodes; -1 where it has gone
 */
export function nodeOf(chosen: Chosen, { nodes, steps, artifacts }: Drawing): number {
  if (chosen.type === "several")
    return nodes.findIndex(
      ({ type, label, members }) => type === chosen.of && label === chosen.label && members.length > 1,
    );
  const type = chosen.type === "step" ? "steps" : "artifacts";
  const at = (type === "steps" ? steps : artifacts).findIndex(({ id }) => id === chosen.id);
  return nodes.findIndex((node) => node.type === type && node.members.includes(at));
}

const urgent: readonly Form[] = [...groupNames.flatMap((name): readonly Form[] => groups[name]), "notRun"];

/** What a node looks like: of several steps like the one that matters most. */
export function formOfNode(node: PageNode, { steps }: Drawing): Form {
  const forms = new Set(membersOf(node, steps).map(formOf));
  return urgent.find((form) => forms.has(form)) ?? "waiting";
}
