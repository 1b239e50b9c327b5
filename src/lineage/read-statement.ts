import { provenanceType } from "./statement.ts";

/** Something that went into an artifact, as a statement tells. */
export interface ToldDependency {
  readonly name?: string;
  readonly uri?: string;
  readonly digest: string;
  readonly isImage: boolean;
}

/** How an artifact was made, as a statement tells. */
export interface Made {
  /** As the statement names the artifact. */
  readonly artifact?: string;
  /** Such as `job/report`. */
  readonly step?: string;
  readonly pod?: string;
  /** Of a Pod of an Indexed Job. */
  readonly completionIndex?: number;
  /** The annotation `run` of the step. */
  readonly run?: string;
  readonly invocation?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
  readonly node?: string;
  /** By container: its image as it was written, and its program or the digest of it. */
  readonly containers: Readonly<Record<string, { readonly image: string; readonly program: string }>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly exitCodes: Readonly<Record<string, number>>;
  readonly bytes?: number;
  /** It is no output of the step, but what it has left when it failed. */
  readonly isLeft?: true;
  readonly dependencies: readonly ToldDependency[];
}

/**
 * Reads a statement, which anybody who may push can have written: whatever is in it, nothing is thrown.
 *
 * @param text - of the statement
 * @param subject - digest of the artifact that it has to be about
 * @returns undefined where it is no SLSA provenance of that artifact
 */
export function readStatement(text: string, subject: string): Made | undefined {
  const statement = fieldsOf(jsonOf(text));
  const subjects = listOf(statement["subject"]).map(fieldsOf);
  const about = subjects.find((one) => digestOf(one) === subject);
  if (statement["predicateType"] !== provenanceType || about === undefined) return undefined;
  const predicate = fieldsOf(statement["predicate"]);
  const definition = fieldsOf(predicate["buildDefinition"]);
  const external = fieldsOf(definition["externalParameters"]);
  const details = fieldsOf(predicate["runDetails"]);
  const metadata = fieldsOf(details["metadata"]);
  const result = resultIn(details);
  const { kind, name } = fieldsOf(external["step"]);
  const { completionIndex } = external;
  return {
    ...member("artifact", about["name"]),
    ...(isText(kind) && isText(name) && { step: `${kind.toLowerCase()}/${name}` }),
    ...member("pod", result["pod"]),
    ...(typeof completionIndex === "number" && { completionIndex }),
    ...member("run", external["run"]),
    ...member("invocation", metadata["invocationId"]),
    ...member("startedOn", metadata["startedOn"]),
    ...member("finishedOn", metadata["finishedOn"]),
    ...member("node", fieldsOf(definition["internalParameters"])["node"]),
    containers: containersIn(external["containers"]),
    annotations: onlyOf(external["annotations"], isText),
    exitCodes: onlyOf(result["exitCodes"], (code) => typeof code === "number"),
    ...(typeof result["bytes"] === "number" && { bytes: result["bytes"] }),
    ...(result["left"] === true && { isLeft: true }),
    dependencies: listOf(definition["resolvedDependencies"]).flatMap(dependencyOf),
  };
}

function dependencyOf(value: unknown): ToldDependency[] {
  const fields = fieldsOf(value);
  const digest = digestOf(fields);
  if (digest === undefined) return [];
  const isImage = fieldsOf(fields["annotations"])["kind"] === "image";
  return [{ ...member("name", fields["name"]), ...member("uri", fields["uri"]), digest, isImage }];
}

function containersIn(value: unknown): Made["containers"] {
  const all = listOf(value).map(fieldsOf);
  return Object.fromEntries(
    all.map(({ name, image, programDigest, command, args }) => [
      String(name),
      {
        image: String(image),
        program: isText(programDigest) ? programDigest : [...listOf(command), ...listOf(args)].join(" "),
      },
    ]),
  );
}

function resultIn(details: Fields): Fields {
  const results = listOf(details["byproducts"]).map(fieldsOf);
  const content = results.find(({ name }) => name === "result")?.["content"];
  return isText(content) ? fieldsOf(jsonOf(Buffer.from(content, "base64").toString())) : {};
}

function digestOf(descriptor: Fields): string | undefined {
  const { sha256 } = fieldsOf(descriptor["digest"]);
  return isText(sha256) && /^[a-f0-9]{64}$/.test(sha256) ? `sha256:${sha256}` : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function member<K extends string>(key: K, value: unknown): { [key in K]?: string } {
  return (isText(value) ? { [key]: value } : {}) as { [key in K]?: string };
}

function onlyOf<T>(value: unknown, is: (member: unknown) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).filter(([, member]) => is(member))) as Record<
    string,
    T
  >;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // no statement
  }
}
