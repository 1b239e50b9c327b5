import { quoted } from "../../annotations/problems.ts";
import { mismatch, type Shape } from "../../workload/shape.ts";
import type { Imported, ImportProblem, Task, Workflow } from "./workflow.ts";

/** Versions with what a task is apart from how it ran, and those with both in one. */
const parted = ["1.5", "1.6"];
const whole = ["1.4"];

/** A command in every version. */
interface CommandOf {
  readonly program?: string;
  readonly arguments?: readonly string[];
}

interface Related {
  readonly parents?: readonly string[];
  readonly children?: readonly string[];
}

interface PartedTask extends Related {
  readonly id: string;
  readonly inputFiles?: readonly string[];
  readonly outputFiles?: readonly string[];
}

interface WholeTask extends Related {
  readonly name: string;
  readonly id?: string;
  readonly command?: CommandOf;
  readonly files?: readonly {
    readonly name: string;
    readonly path?: string;
    readonly sizeInBytes?: number;
    readonly link: string;
  }[];
}

const texts: Shape = { list: "text" };
const command: Shape = { fields: { program: "text", arguments: texts } };
const related = { parents: texts, children: texts } as const;

const shapes: Readonly<Record<string, Shape>> = {
  "specification.tasks": {
    needs: ["id"],
    fields: { id: "text", ...related, inputFiles: texts, outputFiles: texts },
  },
  "specification.files": { needs: ["id", "sizeInBytes"], fields: { id: "text", sizeInBytes: "count" } },
  "execution.tasks": { needs: ["id"], fields: { id: "text", command } },
  tasks: {
    needs: ["name"],
    fields: {
      name: "text",
      id: "text",
      ...related,
      command,
      files: {
        list: {
          needs: ["name", "link"],
          fields: { name: "text", path: "text", sizeInBytes: "count", link: "text" },
        },
      },
    },
  },
};

/**
 * Reads a workflow of WfCommons.
 *
 * @param value - of a file in WfFormat, as JSON
 * @returns the workflow, or each place where the file is not of the format
 * @see https://github.com/wfcommons/WfFormat
 */
export function readWfFormat(value: unknown): Imported<Workflow> {
  const head: Shape = {
    needs: ["name", "schemaVersion", "workflow"],
    fields: { name: "text", schemaVersion: "text", workflow: { fields: {} } },
  };
  const wrong = mismatch(value, head);
  if (wrong)
    return refused([{ at: wrong.path.slice(1), message: `must be ${wrong.expected}, as in WfFormat` }]);
  const { name, schemaVersion, workflow } = value as { name: string; schemaVersion: string; workflow: Lists };
  if (![...parted, ...whole].includes(schemaVersion)) {
    const message = `found ${quoted(schemaVersion)}; allowed are ${[...whole, ...parted].join(", ")}: the tools of WfCommons migrate older files`;
    return refused([{ at: "schemaVersion", message }]);
  }
  const isWhole = whole.includes(schemaVersion);
  const problems: ImportProblem[] = [];
  const list = <T>(path: string): T[] => listAt(workflow, path, problems) as T[];
  const read = isWhole
    ? ofWhole(list<WholeTask>("tasks"))
    : ofParted(
        list<PartedTask>("specification.tasks"),
        list<{ id: string; sizeInBytes: number }>("specification.files"),
        list<{ id: string; command?: CommandOf }>("execution.tasks"),
      );
  if (problems.length === 0 && read.tasks.length === 0)
    problems.push({
      at: isWhole ? "workflow.tasks" : "workflow.specification.tasks",
      message: "has no task",
    });
  return problems.length > 0 ? refused(problems) : { ok: true, value: { name, ...read } };
}

type Lists = Readonly<Record<string, unknown>>;

/** The items of a list that are as they should be. A list that is not there is empty. */
function listAt(workflow: Lists, path: string, problems: ImportProblem[]): unknown[] {
  const at = `workflow.${path}`;
  let found: unknown = workflow;
  for (const key of path.split(".")) found = (found as Lists | null | undefined)?.[key];
  if (found === undefined) return [];
  if (!Array.isArray(found)) {
    problems.push({ at, message: "must be a list" });
    return [];
  }
  return found.filter((item, index) => {
    const wrong = mismatch(item, shapes[path] ?? "any");
    if (wrong) problems.push({ at: `${at}[${index}]${wrong.path}`, message: `must be ${wrong.expected}` });
    return wrong === undefined;
  });
}

function ofParted(
  tasks: readonly PartedTask[],
  files: readonly { readonly id: string; readonly sizeInBytes: number }[],
  executed: readonly { readonly id: string; readonly command?: CommandOf }[],
): Omit<Workflow, "name"> {
  const commands = new Map(executed.map(({ id, command: ran }) => [id, ran]));
  return {
    sizes: new Map(files.map(({ id, sizeInBytes }) => [id, sizeInBytes])),
    tasks: tasks.map(
      ({ id, parents = [], children = [], inputFiles = [], outputFiles = [] }, index): Task => {
        return {
          at: `workflow.specification.tasks[${index}]`,
          id,
          after: parents,
          before: children,
          inputs: [...new Set(inputFiles)],
          outputs: [...new Set(outputFiles)],
          command: commandOf(commands.get(id)),
        };
      },
    ),
  };
}

/** In this version tasks name each other by their names. */
function ofWhole(tasks: readonly WholeTask[]): Omit<Workflow, "name"> {
  const nameOfId = new Map(tasks.map(({ id, name }) => [id ?? name, name]));
  const names = new Set(tasks.map(({ name }) => name));
  const nameOf = (reference: string) =>
    names.has(reference) ? reference : (nameOfId.get(reference) ?? reference);
  const files = tasks.flatMap((task) => task.files ?? []);
  const pathOf = ({ path = "", name }: (typeof files)[number]) => `${path}${name}`;
  return {
    sizes: new Map(files.map((file) => [pathOf(file), file.sizeInBytes ?? 0])),
    tasks: tasks.map((task, index): Task => {
      const linked = (link: string) => [
        ...new Set((task.files ?? []).filter((file) => file.link.toLowerCase() === link).map(pathOf)),
      ];
      return {
        at: `workflow.tasks[${index}]`,
        id: task.name,
        after: (task.parents ?? []).map(nameOf),
        before: (task.children ?? []).map(nameOf),
        inputs: linked("input"),
        outputs: linked("output"),
        command: commandOf(task.command),
      };
    }),
  };
}

function commandOf({ program, arguments: words = [] }: CommandOf = {}): Task["command"] {
  return program === undefined || program === "" ? undefined : [program, ...words];
}

function refused(problems: readonly ImportProblem[]): Imported<never> {
  return { ok: false, problems };
}
