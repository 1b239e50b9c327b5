import { names } from "../../../schema/names.ts";
import { inParallel } from "../../common/in-parallel.ts";
import {
  type Chosen,
  type ChosenBy,
  chooseStatement,
  nameOf,
  type Source,
  type Wanted,
} from "../../lineage/choose-statement.ts";
import { numbered } from "../../lineage/numbered.ts";
import type { ToldDependency } from "../../lineage/read-statement.ts";
import { gone } from "../artifacts/list.ts";
import { readManifest } from "../artifacts/manifest.ts";
import { type Named, parseArtifact } from "../artifacts/reference.ts";
import { digestPattern } from "../oci/registry.ts";
import type { RawManifest } from "../oci/types.ts";
import { CliError } from "../output.ts";
import type { OpenRegistry } from "../remote/open.ts";
import { type MemoSource, memoSourceOf } from "./memo-source.ts";
import { type Statement, statementsAbout } from "./statements.ts";

/** Who made an artifact, as a statement tells; `artifact` is the name that it had there. */
export type Maker = Omit<Statement, "dependencies" | "containers" | "annotations">;

/** An artifact, who made it, and from what. */
export interface Trace {
  /** `repository:tag`, or with a digest; with `oci://HOST/` before it where it is in another registry. */
  readonly artifact: string;
  readonly digest: string;
  /** What is known of it is told by a statement, or by its own manifest, or by its parts, as it is an index, or not at all. */
  readonly source: "provenance" | "manifest" | "index" | "unknown";
  readonly madeBy?: Maker;
  /** By what `madeBy` was chosen: its bytes may be those that several steps have made. */
  readonly chosenBy?: ChosenBy;
  /** Who else has made the same bytes, the newest first. */
  readonly sameBytesBy?: readonly Maker[];
  /** Whose result it is, where it was remembered. */
  readonly memoizedFrom?: Source;
  readonly images: readonly string[];
  readonly inputs: readonly Trace[];
  /** What an index lists. */
  readonly parts?: readonly Trace[];
  /** How many more there are than are told of. */
  readonly moreParts?: number;
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
  readonly statements: Map<string, Promise<readonly Statement[]>>;
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
  const place = { artifact, repository: open.prefix + repository, tag, digest };
  return traceIn({ open, seen: new Set(), statements: new Map() }, place);
}

interface Place {
  readonly artifact: string;
  /** Whole. */
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: string;
}

type Reader = Wanted["reader"];

async function traceIn(look: Look, place: Place, reader?: Reader): Promise<Trace> {
  const { artifact, repository, digest } = place;
  const known = { artifact, digest };
  const nothing = { ...known, source: "unknown", images: [], inputs: [] } as const;
  const id = `${artifact} ${digest}`;
  if (look.seen.has(id)) return { ...nothing, note: "told above" };
  if (look.seen.size >= mostArtifacts) return { ...nothing, note: `more than ${mostArtifacts} artifacts` };
  look.seen.add(id);
  const { chosen, source } = await chosenFor(look, place, reader);
  const memoized = source && { memoizedFrom: withoutPlace(source) };
  if (chosen !== undefined) return { ...known, ...memoized, ...(await ofStatement(look, chosen)) };
  const manifest = await gone(look.open.registry.listedManifest(repository, digest), undefined);
  if (manifest === undefined) return { ...nothing, ...memoized, note: "not in the registry any more" };
  const found = await ofManifest(
    look,
    place,
    manifest,
    source ? { run: source.run, finishedOn: source.at } : reader,
  );
  return found
    ? { ...known, ...memoized, ...found }
    : { ...nothing, ...memoized, note: "nothing tells how it was made" };
}

/** What stands beside the artifact; of a result that was remembered, what stands where that was pushed. */
async function chosenFor(
  look: Look,
  { repository, tag, digest }: Place,
  reader: Reader,
): Promise<{ readonly chosen?: Chosen<Statement> | undefined; readonly source?: MemoSource | undefined }> {
  const own = await statementsIn(look, repository, digest);
  const name = tag === undefined ? undefined : `${repository}:${tag}`;
  const chosen = chooseStatement(own, { name, reader });
  if (chosen?.by === "name" || tag === undefined) return { chosen };
  const source = await memoSourceOf(look.open, repository, tag, digest);
  if (source === undefined) return { chosen };
  const there = source.repository === repository ? own : await statementsIn(look, source.repository, digest);
  return { chosen: chooseStatement(there, { name, reader, source }), source };
}

async function ofStatement(look: Look, { statement, by, others }: Chosen<Statement>) {
  const host = hostOf(statement.artifact ?? "");
  const inputs = statement.dependencies.filter(({ isImage }) => !isImage);
  return {
    source: "provenance" as const,
    madeBy: makerOf(statement),
    chosenBy: by,
    ...(others.length > 0 && { sameBytesBy: others.map(makerOf) }),
    images: statement.dependencies.filter(({ isImage }) => isImage).map(imageOf),
    inputs: await inTurn(inputs, (input) => traceOfInput(look, input, host, statement)),
  };
}

function makerOf({ dependencies: _, containers: __, annotations: ___, ...maker }: Statement): Maker {
  const artifact = nameOf(maker);
  return { ...maker, ...(artifact !== undefined && { artifact }) };
}

function withoutPlace({ repository: _, ...source }: MemoSource): Source {
  return source;
}

/** What the manifest itself says, and statements about the same bytes in other repositories: a copy has none of its own. */
async function ofManifest(look: Look, { repository, digest }: Place, manifest: RawManifest, reader: Reader) {
  const parts = partsIn(manifest);
  if (parts !== undefined) return ofIndex(look, repository, parts, reader);
  const { annotations } = Object(parsed(manifest.bytes)) as { readonly annotations?: unknown };
  const inputs = numbered(annotations, names.artifactInputAnnotation).filter((each) =>
    digestPattern.test(each),
  );
  const images = numbered(annotations, names.artifactImageAnnotation);
  if (inputs.length + images.length === 0) return undefined;
  const copied = chooseStatement(await statementsAnywhere(look, digest), { reader });
  if (copied !== undefined) return ofStatement(look, copied);
  return {
    source: "manifest" as const,
    images,
    inputs: await inTurn(inputs, (each) => traceOfDigest(look, each, reader)),
  };
}

async function ofIndex(look: Look, repository: string, digests: readonly string[], reader: Reader) {
  // What is read last may need room too: beyond, parts are counted.
  const told = digests.slice(0, Math.max(0, mostArtifacts - look.seen.size));
  const parts = await inTurn(told, (digest) =>
    traceIn(look, { artifact: `${shownIn(look, repository)}@${digest}`, repository, digest }, reader),
  );
  const more = digests.length - told.length;
  return {
    ...{ source: "index" as const, images: [], inputs: [], parts },
    ...(more > 0 && { moreParts: more }),
  };
}

/** Undefined where it is no index, or cannot be understood. */
function partsIn(manifest: RawManifest): readonly string[] | undefined {
  try {
    return readManifest(manifest, "").listed;
  } catch (error) {
    if (error instanceof CliError) return undefined; // anybody can have pushed it
    throw error;
  }
}

/** In the registry that the artifact above is in, by its name; elsewhere nobody is asked. */
async function traceOfInput(
  look: Look,
  { uri, digest }: ToldDependency,
  host: string,
  reader: Reader,
): Promise<Trace> {
  const nothing = { digest, source: "unknown", images: [], inputs: [] } as const;
  if (uri === undefined) return traceOfDigest(look, digest, reader);
  if (hostOf(uri) !== host) return { ...nothing, artifact: uri, note: "in another registry" };
  const named = namedIn(uri.slice(`oci://${host}/`.length));
  if (named === undefined) return { ...nothing, artifact: uri };
  const { repository, tag } = named;
  const artifact = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
  const found = await traceIn(look, { artifact, repository, tag, digest }, reader);
  const now = tag === undefined ? undefined : await look.open.registry.resolve(repository, tag);
  return now === undefined || now === digest ? found : { ...found, moved: now };
}

/** A digest alone may be in any repository. */
async function traceOfDigest(look: Look, digest: string, reader: Reader): Promise<Trace> {
  for (const repository of await repositoriesOf(look))
    if ((await look.open.registry.resolve(repository, digest)) !== undefined)
      return traceIn(look, { artifact: `${repository}@${digest}`, repository, digest }, reader);
  const note = "not in the registry any more";
  return { artifact: digest, digest, source: "unknown", images: [], inputs: [], note };
}

async function repositoriesOf(look: Look): Promise<readonly string[]> {
  const { registry, prefix } = look.open;
  // Registries of others list none: what is known without is told.
  look.repositories ??= registry.repositories().catch(() => []);
  return (await look.repositories).slice(0, mostRepositories).filter((each) => each.startsWith(prefix));
}

function statementsIn(look: Look, repository: string, digest: string): Promise<readonly Statement[]> {
  const id = `${repository} ${digest}`;
  const known = look.statements.get(id);
  if (known !== undefined) return known;
  const asked = statementsAbout(look.open.registry, repository, digest);
  look.statements.set(id, asked);
  return asked;
}

async function statementsAnywhere(look: Look, digest: string): Promise<readonly Statement[]> {
  const all = await inParallel(await repositoriesOf(look), (each) => statementsIn(look, each, digest));
  return all.flat();
}

function shownIn(look: Look, repository: string): string {
  return repository.slice(look.open.prefix.length);
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
