import type { V1Job, V1JobSpec } from "@kubernetes/client-node";
import { mostAwaited } from "../../annotations/parse.ts";
import { quoted } from "../../annotations/problems.ts";
import { annotations } from "../../annotations/table.ts";
import { type Given, givenOf } from "./given.ts";
import { type LinkedTask, linkTasks } from "./links.ts";
import { labelOf, namesFor } from "./names.ts";
import { outputsFolder } from "./paths.ts";
import { lineOf, scriptOf, standInFor, unexpanded } from "./shell.ts";
import type { Imported, ImportProblem, Task, Workflow } from "./workflow.ts";

/** How a workflow becomes Jobs. */
export interface ImportOptions {
  /** Name of the OrasCache; else what steps have that do not say theirs. */
  readonly cache?: string | undefined;
  readonly namespace?: string | undefined;
  /** Of tasks that do not say theirs. */
  readonly image?: string | undefined;
  /** Goes into the tags and the names of Jobs, so that no run meets another. */
  readonly run?: string | undefined;
  /** What repositories and names of Jobs begin with; else the workflow's name. */
  readonly prefix?: string | undefined;
  /** Stand-ins run instead of the programs, and their outputs have the sizes of the file times this. */
  readonly scale?: number | undefined;
}

/** Jobs, and what has to be put before them. */
export interface Manifests {
  readonly jobs: readonly V1Job[];
  readonly given: readonly Given[];
  /** Whether stand-ins of programs run, so that stand-ins of files will do. */
  readonly standIns: boolean;
  /** Size of a file that no task makes. */
  readonly sizeOf: (path: string) => number;
}

/** Where the program runs and its inputs lie: an emptyDir, which every user may write to. */
const folder = "/data";
/** Has a shell, and is what the examples use. */
const standInImage = "ubuntu:22.04";
/** Of artifacts without a run. */
const tag = "1";

/**
 * Jobs that pass the files of a workflow, one for each task.
 *
 * @param workflow - as it was read
 * @param options - see there
 */
export function manifestsOf(workflow: Workflow, options: ImportOptions): Imported<Manifests> {
  const { tasks, sizes } = workflow;
  const linked = linkTasks(tasks);
  const prefix = labelOf(options.prefix ?? workflow.name) || "workflow";
  const problems = [
    ...(linked.ok ? [] : linked.problems),
    ...imagesMissing(tasks, options),
    ...wrongPrefix(prefix, options),
  ];
  if (!linked.ok || problems.length > 0) return { ok: false, problems };
  const given = givenOf(linked.value, prefix, tag);
  const inputsOf = ({ task, needs }: LinkedTask) => [
    ...needs.map(outputOf),
    ...given.filter(({ readers }) => readers.includes(task)).map(({ artifact }) => artifact),
  ];
  const sizeOf = (path: string) => Math.round((sizes.get(path) ?? 0) * (options.scale ?? 1));
  const repositories = namesFor(
    tasks.map(({ id }) => id),
    "",
  );
  const start = options.run === undefined ? prefix : `${prefix}-${labelOf(options.run)}`;
  const jobNames = namesFor(
    tasks.map(({ id }) => id),
    start.replace(/-$/, ""),
  );
  const version = options.run === undefined ? tag : "$(RUN)";
  const outputOf = ({ id }: Task) => `${prefix}/${repositories.get(id)}:${version}`;
  const jobOf = (step: LinkedTask): V1Job => {
    const { task } = step;
    const isStandIn = options.scale !== undefined || task.command === undefined;
    const program = isStandIn ? standInFor(task, sizeOf) : lineOf(task.command ?? []);
    return {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: {
        name: jobNames.get(task.id) ?? "",
        ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
        labels: { workflow: prefix },
        annotations: annotationsOf(inputsOf(step), outputOf(task), options, `${prefix}/${tasks.length}`),
      },
      spec: specOf(
        isStandIn ? (options.image ?? standInImage) : (task.image ?? options.image ?? ""),
        scriptOf(task, program),
      ),
    };
  };
  const tooMany = linked.value.flatMap((step) => tooManyInputs(step, inputsOf(step).length));
  if (tooMany.length > 0) return { ok: false, problems: tooMany };
  const standIns = options.scale !== undefined || tasks.every(({ command }) => command === undefined);
  return { ok: true, value: { jobs: linked.value.map(jobOf), given, standIns, sizeOf } };
}

function annotationsOf(
  inputs: readonly string[],
  output: string,
  { cache, run }: ImportOptions,
  batch: string,
): Record<string, string> {
  const uri = annotations["input-uri"].key;
  const numbered = inputs.map((input, index) => [inputs.length === 1 ? uri : `${uri}_${index + 1}`, input]);
  const waits = { [annotations["input-path"].key]: folder, [annotations["wait-for-inputs"].key]: "true" };
  return {
    ...(cache === undefined ? {} : { [annotations["oras-cache"].key]: cache }),
    // Either makes sure that no step takes what an earlier run has made.
    ...(run === undefined ? { [annotations.batch.key]: batch } : { [annotations.run.key]: run }),
    ...Object.fromEntries(numbered),
    ...(inputs.length > 0 ? waits : {}),
    [annotations["output-uri"].key]: output,
    [annotations["output-path"].key]: `${folder}/${outputsFolder}/.`,
  };
}

function specOf(image: string, script: string): V1JobSpec {
  return {
    backoffLimit: 0,
    template: {
      spec: {
        restartPolicy: "Never",
        containers: [
          {
            name: "task",
            image,
            workingDir: folder,
            command: ["sh", "-c"],
            args: [unexpanded(script)],
            volumeMounts: [{ name: "data", mountPath: folder }],
          },
        ],
        volumes: [{ name: "data", emptyDir: {} }],
      },
    },
  };
}

function tooManyInputs({ task }: LinkedTask, count: number): ImportProblem[] {
  if (count <= mostAwaited) return [];
  const message = `needs ${count} artifacts, and a step waits for ${mostAwaited} at most; let tasks between put some together`;
  return [{ at: task.at, message }];
}

function imagesMissing(tasks: readonly Task[], { image, scale }: ImportOptions): ImportProblem[] {
  if (image !== undefined || scale !== undefined) return [];
  const [first, ...others] = tasks.filter((task) => task.command !== undefined && task.image === undefined);
  if (first === undefined) return [];
  const also = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const message = `has a program and no image${also}; write the image that has the programs with --image`;
  return [{ at: first.at, message }];
}

/** What looks like a host is none of a repository. */
function wrongPrefix(prefix: string, { prefix: written }: ImportOptions): ImportProblem[] {
  if (prefix === "localhost")
    return [{ at: "--prefix", message: 'found "localhost", which is the name of a host; write another one' }];
  if (written !== undefined && written !== prefix)
    return [
      {
        at: "--prefix",
        message: `found ${quoted(written)}; allowed are lower case letters, digits, and - between them`,
      },
    ];
  return [];
}
