import { createHash } from "node:crypto";
import { authorizationFor } from "./credentials.ts";
import { get, type Registries } from "./http.ts";
import { manifestTypes } from "./manifest-types.ts";
import { LookupError } from "./outcome.ts";
import type { ImageReference } from "./reference.ts";
import { authorize, jsonOf, refusal } from "./token.ts";

/** What an image runs by itself, in which directory and as which user. */
export interface ImageProgram {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** WorkingDir; empty when the image names none, and the container runtime starts it in `/`. */
  readonly workingDir: string;
  /** User, as `user`, `uid`, `user:group` or `uid:gid`; empty when the image names none, which is root. */
  readonly user: string;
  /**
   * By which an image can be known: what its name stands for, the manifest for the architecture where that is another one, and
   * its configuration.
   */
  readonly digests: readonly string[];
}

interface Descriptor {
  readonly digest?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown } | null;
}

interface Manifest {
  readonly manifests?: unknown;
  readonly config?: Descriptor | null;
}

const digest = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** Of ENTRYPOINT, CMD, WorkingDir and User together: they become part of a Pod. */
const mostBytesOfWords = 16 * 1024;

/**
 * Asks an image's registry what the image runs: manifest, the one for Linux on this architecture if
 * there are several, configuration. What is asked for by digest is checked against it.
 *
 * @param reference - of the image
 * @param architecture - in Go's words, such as `amd64`
 * @param registries - how to reach them
 * @param configs - of pull secrets, for a registry that asks for a password
 * @throws a LookupError, or whatever kept the registry from being asked
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export async function fetchProgram(
  reference: ImageReference,
  architecture: string,
  registries: Registries,
  configs: readonly string[] = [],
): Promise<ImageProgram> {
  const ask = createAsk(reference, registries, authorizationFor(configs, reference));
  const named = await ask("manifests", reference.version, manifestTypes);
  const { manifests } = named.value as Manifest;
  const manifest = Array.isArray(manifests)
    ? await ask("manifests", choose(manifests, architecture), manifestTypes)
    : named;
  const configuration = await ask("blobs", digestOf((manifest.value as Manifest).config), "*/*");
  const { config } = configuration.value as {
    config?: { Entrypoint?: unknown; Cmd?: unknown; WorkingDir?: unknown; User?: unknown };
  };
  const program = {
    entrypoint: words(config?.Entrypoint),
    cmd: words(config?.Cmd),
    workingDir: word(config?.WorkingDir),
    user: word(config?.User),
    digests: [...new Set([named, manifest, configuration].map(({ digest: of }) => of))],
  };
  const size = sizeOf({ ...program, digests: [] });
  if (size > mostBytesOfWords) {
    throw new LookupError("tooManyWords", `ENTRYPOINT and CMD need ${size} bytes`);
  }
  return program;
}

/**
 * About how many bytes of memory a program takes.
 *
 * @param program - of an image
 */
export function sizeOf({ entrypoint, cmd, workingDir, user, digests }: ImageProgram): number {
  return [...entrypoint, ...cmd, ...digests, workingDir, user].reduce(
    (sum, { length }) => sum + 2 * length + 32,
    0,
  );
}

function choose(manifests: readonly (Descriptor | null)[], architecture: string): string {
  const linux = manifests.filter((manifest) => manifest?.platform?.os === "linux");
  const found = linux.find((manifest) => manifest?.platform?.architecture === architecture) ?? linux[0];
  if (found === undefined) throw new LookupError("notForLinux", "its index names no image for Linux");
  return digestOf(found);
}

/** A digest becomes part of a path: nothing else than one may. */
function digestOf(descriptor: Descriptor | null | undefined): string {
  const found = descriptor?.digest;
  if (typeof found === "string" && digest.test(found)) return found;
  throw new LookupError("notAnImage", "its manifest names no configuration by a digest");
}

function words(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === "string");
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

interface Asked {
  readonly value: object;
  readonly digest: string;
}

/** Asks for JSON, with the token that the registry wants for it: public images need one too. */
function createAsk({ host, repository }: ImageReference, registries: Registries, login: string | undefined) {
  let authorization: string | undefined;
  return async (kind: "manifests" | "blobs", version: string, accept: string): Promise<Asked> => {
    const url = new URL(`https://${host}/v2/${repository}/${kind}/${version}`);
    const headers = () => ({ accept, ...(authorization ? { authorization } : {}) });
    let answer = await get(url, headers(), registries);
    // Another host's challenge, after a redirect, is not this registry's: the password is not for the host that it names.
    if (answer.status === 401 && authorization === undefined && answer.host === url.host) {
      authorization = await authorize(answer, registries, login);
      answer = await get(url, headers(), registries);
    }
    if (answer.status !== 200) throw refusal(answer);
    if (digest.test(version) && !isOf(version, answer.body)) {
      throw new Error(`what ${answer.host} sends for ${version} has another digest`);
    }
    const own = `sha256:${createHash("sha256").update(answer.body).digest("hex")}`;
    return { value: jsonOf(answer), digest: digest.test(version) ? version : own };
  };
}

function isOf(wanted: string, body: Buffer): boolean {
  const [algorithm = "", hex] = wanted.split(":");
  return createHash(algorithm).update(body).digest("hex") === hex;
}
