import type { Json } from "./canonical.ts";

/** @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
const statementType = "https://in-toto.io/Statement/v1";
/** @see https://slsa.dev/spec/v1.0/provenance */
export const provenanceType = "https://slsa.dev/provenance/v1";
/** Says what the parameters of a statement mean; docs/lineage.md is that page. */
const page = "https://github.com/converged-computing/oras-operator/blob/main/docs/lineage.md";
export const buildType = `${page}#build-type-v1`;
export const builderId = `${page}#builder`;

/** A container of a step, as its author wrote it. */
export interface StepContainer {
  readonly name: string;
  readonly image: string;
  readonly init?: true;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Of command and args, where they are not told. */
  readonly programDigest?: string;
}

/** What has gone into a step: an image, or an artifact. */
export interface Dependency {
  /** The container that ran the image, or the annotation that names the artifact. */
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  /** `sha256:…` */
  readonly digest: string;
}

/** How a step made an artifact. */
export interface Provenance {
  /** Such as `oci://host/repository:tag`. */
  readonly artifact: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly step: { readonly kind: "Job" | "Pod"; readonly namespace: string; readonly name: string };
  readonly completionIndex?: number | undefined;
  readonly containers: readonly StepContainer[];
  /** Of the step, those that are the operator's. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly run?: string | undefined;
  readonly node?: string | undefined;
  readonly architecture?: string | undefined;
  /** Version of the operator. */
  readonly operator: string;
  /** Image of the container that pushed, and the digest of what ran: whoever verifies a statement can compare it. */
  readonly agent?: { readonly image: string; readonly digest?: string | undefined } | undefined;
  readonly images: readonly Dependency[];
  readonly inputs: readonly Dependency[];
  readonly pod: { readonly uid: string; readonly name: string };
  /** As RFC 3339, in whole seconds. */
  readonly startedOn?: string | undefined;
  readonly finishedOn: string;
  /** By container. */
  readonly exitCodes: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** It is no output, but what a failed step has left. */
  readonly isLeft?: true;
}

/**
 * A statement of how an artifact was made: the same text for the same artifact and Pod.
 *
 * @param of - what is known
 * @returns an in-toto Statement v1 with SLSA provenance v1
 */
export function statementOf(of: Provenance): Json {
  const { artifact, digest, step, completionIndex, containers, annotations, run } = of;
  const result = { exitCodes: of.exitCodes, bytes: of.bytes, ...(of.isLeft && { left: true }) };
  return defined({
    _type: statementType,
    subject: [{ name: artifact, digest: digestSet(digest) }],
    predicateType: provenanceType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: { step, completionIndex, containers, annotations, run },
        internalParameters: {
          node: of.node,
          architecture: of.architecture,
          operator: of.operator,
          agent: of.agent,
        },
        resolvedDependencies: [
          ...of.images.map((image) => descriptorOf(image, "image")),
          ...of.inputs.map((input) => descriptorOf(input, "input")),
        ],
      },
      runDetails: {
        builder: { id: builderId, version: { "oras-operator": of.operator } },
        metadata: { invocationId: of.pod.uid, startedOn: of.startedOn, finishedOn: of.finishedOn },
        byproducts: [
          {
            name: "result",
            mediaType: "application/json",
            content: Buffer.from(JSON.stringify({ pod: of.pod.name, ...result })).toString("base64"),
          },
        ],
      },
    },
  }) as Json;
}

function descriptorOf({ name, uri, digest }: Dependency, kind: "image" | "input"): object {
  return { name, uri, digest: digestSet(digest), annotations: { kind } };
}

function digestSet(digest: string): Record<string, string> {
  const [algorithm = "", hex = ""] = digest.split(":");
  return { [algorithm]: hex };
}

/** Without members that are not known. */
function defined(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
