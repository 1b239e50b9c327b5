import type { Json } from "./canonical.ts";
import { type ArtifactNode, type Graph, leftOf, madeOutputs, type StepNode } from "./graph.ts";
import { hasRun, type Times } from "./prov.ts";

/** An image that a step ran. */
export interface RanImage {
  /** As it was written. */
  readonly name: string;
  /** Of what ran; undefined where its Pod is gone. */
  readonly digest?: string | undefined;
}

/** What a crate tells beside the graph. */
export interface CrateFacts {
  readonly namespace: string;
  /** File of the crate with the manifests of the steps. */
  readonly workflow: string;
  /** As RFC 3339, where no step says when it ran. */
  readonly madeOn: string;
  readonly timesOf: (step: StepNode) => Times;
  /** Of a step that has many Pods each image may come many times. */
  readonly imagesOf: (step: StepNode) => readonly RanImage[];
}

const operator = "https://github.com/converged-computing/oras-operator";
/** Each is a part of the next one. */
const profiles = {
  "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
  "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
  "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
  "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
} as const;
const statuses = { running: "Active", succeeded: "Completed", failed: "Failed" } as const;

type Entity = Readonly<Record<string, Json>>;

/**
 * What a run was made of, as a Provenance Run Crate: the workflow is the manifests of the steps, each step that has run is an
 * action that used and made artifacts, also what it has left when it failed. A step that has not run is in the manifests alone.
 *
 * @param graph - who makes what from what
 * @param facts - what else is known
 * @returns the text of ro-crate-metadata.json as an object; undefined where nothing has run
 * @see https://www.researchobject.org/workflow-run-crate/profiles/0.5/provenance_run_crate/
 */
export function roCrateOf(graph: Graph, facts: CrateFacts): Json | undefined {
  const ran = graph.steps.filter(hasRun);
  if (ran.length === 0) return undefined;
  const used = new Set(ran.flatMap(({ inputs }) => inputs));
  const made = new Set(ran.flatMap(resultsOf));
  const artifacts = [...graph.artifacts, ...graph.left].filter(({ id }) => used.has(id) || made.has(id));
  const times = ran.map(facts.timesOf);
  const isRunning = ran.some(({ state }) => state === "running");
  const began = times.flatMap(({ startedOn }) => startedOn ?? []).sort();
  const ended = times.flatMap(({ finishedOn }) => finishedOn ?? []).sort();
  const failed = ran.some(({ state }) => state === "failed");
  const whole = {
    ...during({ startedOn: began[0], finishedOn: isRunning ? undefined : ended.at(-1) }),
    ...statusOf(isRunning ? "running" : failed ? "failed" : "succeeded"),
  };
  const entities: Entity[] = [
    {
      ...{ "@id": "ro-crate-metadata.json", "@type": "CreativeWork" },
      about: ref("./"),
      conformsTo: [
        ref("https://w3id.org/ro/crate/1.1"),
        ref("https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
      ],
    },
    {
      ...{ "@id": "./", "@type": "Dataset" },
      name: `Run in the namespace ${facts.namespace}`,
      description: `What the steps of the Kubernetes namespace ${facts.namespace} read and made. The artifacts are in the registries that they name.`,
      datePublished: ended.at(-1) ?? began.at(-1) ?? facts.madeOn,
      license: "No license is given.",
      conformsTo: Object.keys(profiles).map(ref),
      mainEntity: ref(facts.workflow),
      mentions: [ref("#run"), ref("#workflow-run")],
      hasPart: [ref(facts.workflow), ...artifacts.map((artifact) => ref(idOf(artifact.id)))],
    },
    ...Object.entries(profiles).map(([id, name]) => ({
      "@id": id,
      "@type": "CreativeWork",
      name,
      version: id.slice(id.lastIndexOf("/") + 1),
    })),
    {
      ...{ "@id": facts.workflow, "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"] },
      name: `Manifests of the steps in the namespace ${facts.namespace}`,
      encodingFormat: "application/yaml",
      programmingLanguage: ref("#kubernetes"),
      hasPart: ran.map(({ id }) => ref(local("program", id))),
      step: ran.map(({ id }) => ref(local("step", id))),
    },
    {
      "@id": "#kubernetes",
      "@type": "ComputerLanguage",
      name: "Kubernetes manifests",
      url: "https://kubernetes.io/docs/concepts/overview/working-with-objects/",
    },
    { "@id": operator, "@type": "SoftwareApplication", name: "oras-operator", url: operator },
    {
      ...{ "@id": "#run", "@type": "OrganizeAction", name: "The run, by Kubernetes and oras-operator" },
      instrument: ref(operator),
      object: ran.map(({ id }) => ref(local("control", id))),
      result: ref("#workflow-run"),
      ...whole,
    },
    {
      ...{ "@id": "#workflow-run", "@type": "CreateAction", name: "The run of the workflow" },
      instrument: ref(facts.workflow),
      object: artifacts.filter(({ id }) => used.has(id) && !made.has(id)).map(({ id }) => ref(idOf(id))),
      result: artifacts.filter(({ id }) => made.has(id) && !used.has(id)).map(({ id }) => ref(idOf(id))),
      ...whole,
    },
    ...ran.flatMap((step, at) => entitiesOf(step, at + 1, facts)),
    ...imagesIn(ran, facts),
    ...artifacts.map(artifactOf),
  ];
  return {
    "@context": ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"],
    "@graph": entities,
  };
}

/** The place of a step in the workflow, its program, and that it ran. */
function entitiesOf(step: StepNode, position: number, { timesOf, imagesOf }: CrateFacts): Entity[] {
  const { id, inputs, reason, memoizedFrom } = step;
  const images = [...new Set(imagesOf(step).map(imageId))];
  const outcome = { ...during(timesOf(step)), ...statusOf(step.state as keyof typeof statuses) };
  return [
    {
      ...{ "@id": local("step", id), "@type": "HowToStep", name: id, position: String(position) },
      workExample: ref(local("program", id)),
    },
    { "@id": local("program", id), "@type": "SoftwareApplication", name: `Program of ${id}` },
    {
      ...{ "@id": local("control", id), "@type": "ControlAction", name: `Start of ${id}` },
      instrument: ref(local("step", id)),
      object: ref(local("action", id)),
    },
    {
      ...{ "@id": local("action", id), "@type": "CreateAction", name: `Run of ${id}` },
      instrument: ref(local("program", id)),
      object: inputs.map((input) => ref(idOf(input))),
      result: resultsOf(step).map((output) => ref(idOf(output))),
      ...(images.length > 0 && { containerImage: images.map(ref) }),
      ...(memoizedFrom !== undefined && {
        description: `It took a result that was remembered, of ${memoizedFrom}.`,
      }),
      ...outcome,
      ...(step.state === "failed" && reason !== undefined && { error: reason }),
    },
  ];
}

/** One that has failed may have left something else than its outputs. */
function resultsOf(step: StepNode): readonly string[] {
  return [...madeOutputs(step), ...leftOf(step).map(({ id }) => id)];
}

function imagesIn(steps: readonly StepNode[], { imagesOf }: CrateFacts): Entity[] {
  const each = new Map(steps.flatMap(imagesOf).map((image) => [imageId(image), image]));
  return [...each].map(([id, { name, digest }]) => ({
    ...{ "@id": id, "@type": "ContainerImage", name },
    additionalType: ref("https://w3id.org/ro/terms/workflow-run#DockerImage"),
    ...(digest !== undefined && { identifier: digest }),
  }));
}

function artifactOf({ id, reference, digest, madeBy: makers, leftBy = [] }: ArtifactNode): Entity {
  const isLeft = makers.length === 0 && leftBy.length > 0;
  const left = `What ${leftBy.join(", ")} leaves by failing, an artifact in an OCI registry. It is no output.`;
  return {
    ...{ "@id": idOf(id), "@type": "Dataset", name: reference },
    description: isLeft ? left : "An artifact in an OCI registry.",
    ...(digest !== undefined && { identifier: digest }),
  };
}

function during({ startedOn, finishedOn }: Times): Entity {
  return {
    ...(startedOn !== undefined && { startTime: startedOn }),
    ...(finishedOn !== undefined && { endTime: finishedOn }),
  };
}

function statusOf(state: keyof typeof statuses): Entity {
  return { actionStatus: ref(`http://schema.org/${statuses[state]}ActionStatus`) };
}

function ref(id: string): Entity {
  return { "@id": id };
}

function local(what: string, id: string): string {
  return `#${what}-${encodeURIComponent(id)}`;
}

function imageId({ name, digest = "" }: RanImage): string {
  return local("image", `${name}@${digest}`);
}

/** Of an artifact. A name may have variables and spaces in it. */
function idOf(address: string): string {
  return `oci://${encodeURI(address)}`;
}
