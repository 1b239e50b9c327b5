import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { strToU8, zipSync } from "fflate";
import { names } from "../../../schema/names.ts";
import { uninjected } from "../../injection/uninjected.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, type Resource, resources } from "../../kube/resources.ts";
import type { Graph, StepNode } from "../../lineage/graph.ts";
import { type RanImage, roCrateOf } from "../../lineage/ro-crate.ts";
import { exits } from "../exits.ts";
import { formatDocuments } from "../inject.ts";
import { CliError } from "../output.ts";
import { publicManifest } from "./manifests.ts";
import type { Objects } from "./steps.ts";
import { timesIn } from "./times.ts";

const workflow = "workflow.yaml";
/** What is zipped has no time of its own, so that the same run is the same file. */
const mtime = new Date(1980, 0, 1);
const heading =
  "# What was applied. Values of environment variables and of HTTP headers, and annotations of others are left out.\n";

/**
 * A run as a Provenance Run Crate.
 *
 * @param graph - who makes what from what
 * @param objects - what it was read from
 * @param now - when it is made
 * @param note - is given sentences about what could not be put into it
 * @returns a zip
 * @throws CliError where nothing has run
 */
export function packCrate(
  graph: Graph,
  objects: Objects,
  now: Date,
  note: (sentence: string) => void,
): Uint8Array {
  const stored = storedIn(objects);
  const podsOf = Map.groupBy(objects.pods, (pod) => ownerOf(pod) ?? pod.metadata?.uid);
  const imagesOf = ({ id }: StepNode) =>
    imagesIn(podsOf.get(stored.get(id)?.metadata?.uid) ?? [], stored.get(id));
  const facts = { namespace: objects.namespace, workflow, madeOn: now.toISOString() };
  const crate = roCrateOf(graph, { ...facts, timesOf: timesIn(objects), imagesOf });
  if (crate === undefined) {
    const message = `No step that was looked at in the namespace ${objects.namespace} has run: a crate tells of a run. The other forms of the graph show what is to run.`;
    throw new CliError(message, exits.notFound);
  }
  const documents = graph.steps.flatMap(({ id }) => {
    const manifest = stored.get(id) && publicManifest(stored.get(id) as KubeObject);
    if (manifest === undefined)
      note(
        `${id}: its manifest is not in the crate, because what was injected has been changed and cannot be taken out.`,
      );
    return manifest ?? [];
  });
  return zipSync(
    {
      "ro-crate-metadata.json": strToU8(`${JSON.stringify(crate, null, 2)}\n`),
      [workflow]: strToU8(heading + formatDocuments(documents, "yaml")),
    },
    { mtime },
  );
}

function storedIn({ jobs, pods }: Objects): ReadonlyMap<string, KubeObject> {
  const named = (object: V1Job | V1Pod, of: Resource) =>
    [
      `${of.kind.toLowerCase()}/${object.metadata?.name}`,
      { ...object, apiVersion: apiVersionOf(of), kind: of.kind } as KubeObject,
    ] as const;
  return new Map([
    ...jobs.map((job) => named(job, resources.jobs)),
    ...pods.map((pod) => named(pod, resources.pods)),
  ]);
}

function ownerOf({ metadata }: V1Pod): string | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

/** What its Pods say that they ran; where they are gone, what is written. A step whose whole result was remembered ran none. */
function imagesIn(pods: readonly V1Pod[], step: KubeObject | undefined): RanImage[] {
  const found = pods.flatMap((pod) => {
    const { initContainers = [], containers } = uninjected(pod);
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    return [...initContainers, ...containers].map(({ name, image = "" }) => ({
      name: image,
      digest: /(?:^|@)(sha256:[a-f0-9]{64})$/.exec(
        statuses.find((status) => status.name === name)?.imageID ?? "",
      )?.[1],
    }));
  });
  if (found.length > 0 || step?.metadata?.labels?.[names.memoizedLabel] !== undefined) return found;
  const { template } = ((step && publicManifest(step)) as V1Job | undefined)?.spec ?? {};
  const { initContainers = [], containers = [] } = template?.spec ?? {};
  return [...initContainers, ...containers].map(({ image = "" }) => ({ name: image }));
}
