import { createHmac, timingSafeEqual } from "node:crypto";
import { names } from "../../schema/names.ts";
import { canonical, sha256 } from "../lineage/canonical.ts";
import type { MemoEntry } from "./memos.ts";
import { isForgotten, type MemoState } from "./state.ts";

/** Whose entries they are, and what they are signed with. */
export interface MemoScope {
  readonly namespace: string;
  /** Of the OrasCache. */
  readonly name: string;
  /** Of the same: one that is made again under its name does not take over what another one has remembered. */
  readonly uid: string;
  /** See memoKey. */
  readonly secret: string;
  readonly state: MemoState | undefined;
}

/** What an entry says, without the parts of its key, which are its config. */
export type Statement = Omit<MemoEntry, "parts">;

/** An entry, or why there is none to go by: a sentence without a full stop, with nothing of what somebody else has written. */
type Opened<T> = T | { readonly because: string };

/** A manifest's text and what it is. */
interface MemoManifest {
  readonly mediaType: string;
  readonly bytes: string;
}

/** Of entries. Whoever changes what they say raises it: those of before are misses. */
const format = 2;
/** Of keys, in hexadecimal. */
export const keyForm = /^[0-9a-f]{64}$/;
const mediaType = "application/vnd.oci.image.manifest.v1+json";
/** As an artifact without files, by the guidance of the image specification. */
export const emptyBlob = { type: "application/vnd.oci.empty.v1+json", content: "{}" } as const;

/**
 * The tag that points to the last entry of what has been pushed to a tag.
 *
 * @param output - where a step pushes
 */
export function latestTag({
  repository,
  tag,
}: {
  readonly repository: string;
  readonly tag: string;
}): string {
  return `output-${sha256(`${repository}:${tag}`)}`;
}

/**
 * The same for an output whose name has the run in it: that of the last run.
 *
 * @param written - as its author wrote it, with `$(RUN)`, which no name of an artifact has
 */
export function latestTagOfRuns(written: string): string {
  return `output-${sha256(written)}`;
}

/**
 * An entry as a manifest: its config is what the key is the digest of, so the key needs no name there.
 *
 * @param entry - what it says
 * @param scope - whose it is
 */
export function sealed(entry: MemoEntry, scope: MemoScope): MemoManifest {
  const { parts, ...statement } = entry;
  const said = canonical({ format, epoch: scope.state?.epoch ?? 0, ...statement });
  return { mediaType, bytes: manifestOf(said, signatureOf(said, scope), parts) };
}

/**
 * The epoch in which an entry was written.
 *
 * @param bytes - of its manifest, which the operator has written
 */
export function epochOf(bytes: Buffer): number {
  return (JSON.parse(saidIn(bytes).said) as Written).epoch;
}

/**
 * Reads an entry. Whoever may push can put anything there.
 *
 * @param key - that is looked for; undefined where any will do
 * @param bytes - of the manifest
 * @param parts - of the key that the manifest names: reads a blob by its digest in hexadecimal
 * @param scope - whose it has to be
 */
export async function openedEntry(
  key: string | undefined,
  bytes: Buffer,
  parts: (key: string) => Promise<string | undefined>,
  scope: MemoScope,
): Promise<Opened<MemoEntry>> {
  const { said, signature } = saidIn(bytes);
  const statement = openedStatement(said, signature, scope);
  if ("because" in statement) return statement;
  if (key !== undefined && statement.key !== key) return { because: "its entry is that of another step" };
  const text = await parts(statement.key);
  if (text === undefined || sha256(text) !== statement.key)
    return { because: "what its key is made from is not there any more" };
  // To the letter: what is not looked at cannot be of use to anybody.
  if (bytes.toString() !== manifestOf(said, signature, text)) return { because: notWritten };
  return { ...statement, parts: text };
}

/**
 * What an entry says, if the operator has written it for this cache and it was not forgotten since.
 *
 * @param said - the text of its annotation, of any content
 * @param signature - that of the other one
 * @param scope - whose it has to be
 */
export function openedStatement(said: string, signature: string, scope: MemoScope): Opened<Statement> {
  if (!isEqual(signature, signatureOf(said, scope))) return { because: notWritten };
  // From here on it is what the operator has written, this version or another one.
  return statementIn(JSON.parse(said) as Written, scope.state);
}

type Written = Statement & { readonly format: number; readonly epoch: number };

function statementIn(written: Written, state: MemoState | undefined): Opened<Statement> {
  const { format: found, epoch, ...statement } = written;
  if (found !== format) return { because: "its entry was written by another version of the operator" };
  if (isForgotten(state, statement.key, epoch)) return { because: "its result was forgotten" };
  return statement;
}

/**
 * What an entry says, if it is as the operator writes it and was not forgotten since. Nobody vouches for it: who cannot check
 * signatures, such as the command line, may tell of it and do nothing by it.
 *
 * @param said - the text of its annotation, of any content
 * @param state - of its cache
 */
export function unsignedStatement(said: string, state: MemoState | undefined): Statement | undefined {
  try {
    const written = JSON.parse(said) as Partial<Written> | null;
    const texts = [written?.key, written?.output?.repository, written?.output?.digest];
    if (!texts.every((text) => typeof text === "string")) return undefined;
    const statement = statementIn(written as Written, state);
    return "because" in statement ? undefined : statement;
  } catch {
    return undefined;
  }
}

const notWritten = "its entry was not written by the operator for this OrasCache as it is";

/** Over the statement as it is written, and whose it is. */
function signatureOf(said: string, { namespace, name, uid, secret }: MemoScope): string {
  return createHmac("sha256", secret).update(canonical({ namespace, name, uid, said })).digest("base64url");
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}

function manifestOf(said: string, signature: string, parts: string): string {
  const { type, content } = emptyBlob;
  return canonical({
    schemaVersion: 2,
    mediaType,
    artifactType: names.memoArtifactType,
    config: descriptorOf(names.memoPartsType, parts),
    layers: [descriptorOf(type, content)],
    annotations: { [names.memoAnnotation]: said, [names.memoSignatureAnnotation]: signature },
  });
}

function descriptorOf(type: string, content: string) {
  return { mediaType: type, digest: `sha256:${sha256(content)}`, size: Buffer.byteLength(content) };
}

/**
 * What an entry says of a manifest of any content; see `unsignedStatement`.
 *
 * @param bytes - of the manifest
 * @param state - of its cache
 */
export function unsignedEntry(bytes: Buffer, state: MemoState | undefined): Statement | undefined {
  return unsignedStatement(saidIn(bytes).said, state);
}

function saidIn(bytes: Buffer): { readonly said: string; readonly signature: string } {
  let annotations: Readonly<Record<string, unknown>> | undefined;
  try {
    annotations = (JSON.parse(bytes.toString()) as { annotations?: typeof annotations } | null)?.annotations;
  } catch {
    // As one without any.
  }
  const { [names.memoAnnotation]: said, [names.memoSignatureAnnotation]: signature } = annotations ?? {};
  return { said: String(said), signature: String(signature) };
}
