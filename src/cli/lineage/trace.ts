import { names } from "../../../schema/names.ts";
import { numbered } from "../../lineage/numbered.ts";
import type { ToldDependency } from "../../lineage/read-statement.ts";
import { gone } from "../artifacts/list.ts";
import { type Named, parseArtifact } from "../artifacts/reference.ts";
import { digestPattern } from "../oci/registry.ts";
import type { OpenRegistry } from "../remote/open.ts";
import { type Statement, statementsAbout } from "./statements.ts";

/** An artifact, who made it, and from what. */
export interface Trace {
  /** `repository:tag`, or with a digest; with `oci://HOST/` before it where it is in another registry. */
  readonly artifact: string;
  readonly digest: string;
  /** What is known of it is told by a statement, or by its own manifest, or not at all. */
  readonly source: "provenance" | "manifest" | "unknown";
  readonly madeBy?: Omit<Statement, "dependencies" | "artifact" | "containers" | "annotations">;
  readonly images: readonly string[];
  readonly inputs: readonly Trace[];
  /** What the tag names now, where that is not what was read any more. */
  readonly moved?: string;
  /** Why nothing more is told. */
  readonly note?: string;
}

const mostArtifacts = 500;
const mostRepositories = 200;

/** What one look has found so far: each artifact is told of once. */
interface Look {
  readonly open: OpenRegistry;
  readonly seen: Set<string>;
  repositories?: Promise<string[]>;
}

/**
 * Who made an artifact from what, and so on.
 *
 * @param open - its registry
 * @param named - as the person names it
 * @param digest - of its manifest
 */
export function traceOf(open: OpenRegistry, named: Named, digest: string): Promise<Trace> {
  const { repository, tag } = named;
  const artifact = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
  return traceIn({ open, seen: new Set() }, { artifact, repository, digest });
}

interface Place {
  readonly artifact: string;
  readonly repository: string;
  readonly digest: string;
}

async function traceIn(look: Look, { artifact, repository, digest }: Place): Promise<Trace> {
  const known = { artifact, digest };
  const nothing = { ...known, source: "unknown", images: [], inputs: [] } as const;
  if (look.seen.has(digest)) return { ...nothing, note: "told above" };
  if (look.seen.size >= mostArtifacts) return { ...nothing, note: `more than ${mostArtifacts} artifacts` };
  look.seen.add(digest);
  const { registry, prefix } = look.open;
  const [statement] = await statementsAbout(registry, prefix + repository, digest, 1);
  if (statement !== undefined) {
    const { artifact: subject = "", dependencies, containers: _, annotations: __, ...madeBy } = statement;
    const host = hostOf(subject);
    const inputs = dependencies.filter(({ isImage }) => !isImage);
    return {
      ...{ ...known, source: "provenance", madeBy },
      images: dependencies.filter(({ isImage }) => isImage).map(imageOf),
      inputs: await inTurn(inputs, (input) => traceOfInput(look, input, host)),
    };
  }
  const manifest = await gone(registry.listedManifest(prefix + repository, digest), undefined);
  if (manifest === undefined) return { ...nothing, note: "not in the registry any more" };
  const { annotations } = Object(parsed(manifest.bytes)) as { readonly annotations?: unknown };
  const inputs = numbered(annotations, names.artifactInputAnnotation).filter((each) =>
    digestPattern.test(each),
  );
  const images = numbered(annotations, names.artifactImageAnnotation);
  if (inputs.length + images.length === 0) return { ...nothing, note: "nothing tells how it was made" };
  return {
    ...known,
    source: "manifest",
    images,
    inputs: await inTurn(inputs, (each) => traceOfDigest(look, each)),
  };
}

/** In the registry that the artifact above is in, by its name; elsewhere nobody is asked. */
async function traceOfInput(look: Look, { uri, digest }: ToldDependency, host: string): Promise<Trace> {
  const nothing = { digest, source: "unknown", images: [], inputs: [] } as const;
  if (uri === undefined) return traceOfDigest(look, digest);
  if (hostOf(uri) !== host) return { ...nothing, artifact: uri, note: "in another registry" };
  const named = namedIn(uri.slice(`oci://${host}/`.length));
  if (named === undefined) return { ...nothing, artifact: uri };
  const { repository, tag } = named;
  const { registry, prefix } = look.open;
  const artifact = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
  const found = await traceIn(look, { artifact, repository: repository.slice(prefix.length), digest });
  const now = tag === undefined ? undefined : await registry.resolve(repository, tag);
  return now === undefined || now === digest ? found : { ...found, moved: now };
}

/** A digest alone may be in any repository. */
async function traceOfDigest(look: Look, digest: string): Promise<Trace> {
  const { registry, prefix } = look.open;
  look.repositories ??= registry.repositories().catch(() => []);
  for (const repository of (await look.repositories).slice(0, mostRepositories))
    if (repository.startsWith(prefix) && (await registry.resolve(repository, digest)) !== undefined)
      return traceIn(look, {
        artifact: `${repository}@${digest}`,
        repository: repository.slice(prefix.length),
        digest,
      });
  const note = "not in the registry any more";
  return { artifact: digest, digest, source: "unknown", images: [], inputs: [], note };
}

function imageOf({ uri, digest }: ToldDependency): string {
  return uri === undefined ? digest : `${uri.replace(/^oci:\/\//, "")} (${digest})`;
}

function hostOf(uri: string): string {
  return /^oci:\/\/([^/]*)\//.exec(uri)?.[1] ?? "";
}

/** A statement may name anything. */
function namedIn(text: string): Named | undefined {
  try {
    return parseArtifact(text);
  } catch {
    return undefined;
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

async function inTurn<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (const item of items) answers.push(await ask(item));
  return answers;
}
