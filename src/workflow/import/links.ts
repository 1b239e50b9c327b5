import { quoted } from "../../annotations/problems.ts";
import { circlesIn } from "../../common/circles.ts";
import { foldersOf, wrongIn } from "./paths.ts";
import type { Imported, ImportProblem, Task } from "./workflow.ts";

const mostShown = 10;

/** A task with those whose outputs it needs. */
export interface LinkedTask {
  readonly task: Task;
  /** In the order of the file. */
  readonly needs: readonly Task[];
  /** Files that no task makes. */
  readonly given: readonly string[];
}

/**
 * Finds who makes what from what. A task that comes after another one without reading a file of it needs its outputs, too:
 * nothing else can say what comes first.
 *
 * @param tasks - in the order of the file
 * @returns the same order, or everything because of which there is none
 */
export function linkTasks(tasks: readonly Task[]): Imported<LinkedTask[]> {
  const byId = new Map(tasks.toReversed().map((task) => [task.id, task]));
  const makers = new Map(
    tasks.toReversed().flatMap((task) => task.outputs.map((path) => [path, task] as const)),
  );
  const makerOf = (path: string) => [path, ...foldersOf(path)].flatMap((each) => makers.get(each) ?? [])[0];
  const named = Map.groupBy(
    tasks.flatMap((task) => [
      ...task.after.map((id) => ({ first: byId.get(id), second: task })),
      ...task.before.map((id) => ({ first: task, second: byId.get(id) })),
    ]),
    ({ second }) => second,
  );
  const order = new Map(tasks.map((task, index) => [task, index]));
  const found = tasks.map((task) => {
    const all = [
      ...task.inputs.flatMap((path) => makerOf(path) ?? []),
      ...(named.get(task) ?? []).flatMap(({ first }) => first ?? []),
    ];
    const needs = [...new Set(all)].filter((each) => each !== task);
    needs.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    const given = task.inputs.filter((path) => makerOf(path) === undefined);
    return { task, needs, given, isOwn: all.includes(task) };
  });
  const problems = [
    ...tasks.flatMap((task) => [...wrongTask(task, byId), ...wrongOutputs(task, makers)]),
    ...found
      .filter(({ isOwn }) => isOwn)
      .map(({ task }) => ({ at: task.at, message: "needs what it makes itself" })),
    ...circlesIn(new Map(found.map(({ task, needs }) => [task, needs]))).map(describeCircle),
  ];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: found };
}

function wrongTask(task: Task, byId: ReadonlyMap<string, Task>): ImportProblem[] {
  const { at, id } = task;
  const first = byId.get(id);
  const again =
    first === undefined || first === task
      ? []
      : [{ at, message: `found the task ${quoted(id)} a second time; the first is ${first.at}` }];
  const missing = (["after", "before"] as const).flatMap((where) =>
    task[where]
      .filter((other) => !byId.has(other))
      .map((other) => ({ at, message: `comes ${where} the task ${quoted(other)}, and there is none` })),
  );
  const paths = [...new Set([...task.inputs, ...task.outputs])].flatMap((path) => {
    const wrong = wrongIn(path);
    return wrong === undefined ? [] : [{ at, message: `found the path ${quoted(path)}: ${wrong}` }];
  });
  return [...again, ...missing, ...paths];
}

function wrongOutputs(task: Task, makers: ReadonlyMap<string, Task>): ImportProblem[] {
  return task.outputs.flatMap((path) => {
    const maker = makers.get(path);
    if (maker !== undefined && maker !== task)
      return [
        { at: task.at, message: `makes ${quoted(path)}, which the task ${quoted(maker.id)} makes, too` },
      ];
    const above = foldersOf(path).find((folder) => makers.has(folder));
    if (above === undefined) return [];
    return [
      { at: task.at, message: `makes ${quoted(path)}, which lies in ${quoted(above)}, an output, too` },
    ];
  });
}

function describeCircle(circle: readonly Task[]): ImportProblem {
  const shown = circle.slice(0, mostShown).map(({ id }) => quoted(id));
  const rest = circle.length > mostShown ? `, and ${circle.length - mostShown} more` : "";
  const message = `found a circle, each needs the next and the last the first: ${shown.join(", ")}${rest}`;
  return { at: circle[0]?.at ?? "", message };
}
