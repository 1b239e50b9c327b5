import { authorizationFor } from "./credentials.ts";
import { get, type Registries } from "./http.ts";
import { type ImageReference, parseImage } from "./reference.ts";

/** What an image runs by itself. */
export interface ImageProgram {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

interface Descriptor {
  digest?: string;
  platform?: { os?: string; architecture?: string };
}

interface Manifest {
  manifests?: Descriptor[];
  config?: Descriptor;
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Asks an image's registry what the image runs: manifest, the one for Linux on this architecture if
 * there are several, configuration.
 *
 * @param image - as in a container's `image`
 * @param architecture - in Go's words, such as `amd64`
 * @param registries - how to reach them
 * @param configs - of pull secrets, for a registry that asks for a password
 * @throws an error in words for the step's author, when it cannot be known
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export async function fetchProgram(
  image: string,
  architecture: string,
  registries: Registries,
  configs: readonly string[] = [],
): Promise<ImageProgram> {
  const reference = parseImage(image);
  const ask = createAsk(reference, registries, authorizationFor(configs, reference));
  let manifest = (await ask(`manifests/${reference.version}`, manifestTypes)) as Manifest;
  if (manifest.manifests) {
    manifest = (await ask(
      `manifests/${choose(manifest.manifests, architecture)}`,
      manifestTypes,
    )) as Manifest;
  }
  const digest = manifest.config?.digest;
  if (digest === undefined) throw new Error("its manifest names no configuration");
  const { config } = (await ask(`blobs/${digest}`, "*/*")) as {
    config?: { Entrypoint?: unknown; Cmd?: unknown };
  };
  return { entrypoint: words(config?.Entrypoint), cmd: words(config?.Cmd) };
}

function choose(manifests: readonly Descriptor[], architecture: string): string {
  const linux = manifests.filter(({ platform }) => platform?.os === "linux");
  const found = linux.find(({ platform }) => platform?.architecture === architecture) ?? linux[0];
  if (found?.digest === undefined) throw new Error("it is not for Linux");
  return found.digest;
}

function words(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((word): word is string => typeof word === "string");
}

/** Asks for JSON, with the token that the registry wants for it: public images need one too. */
function createAsk({ host, repository }: ImageReference, registries: Registries, login: string | undefined) {
  let authorization: string | undefined;
  return async (path: string, accept: string): Promise<unknown> => {
    const url = new URL(`https://${host}/v2/${repository}/${path}`);
    const headers = () => ({ accept, ...(authorization ? { authorization } : {}) });
    let answer = await get(url, headers(), registries);
    // Another host's challenge, after a redirect, is not this registry's: the password is not for whom it names.
    if (answer.status === 401 && authorization === undefined && answer.host === url.host) {
      authorization = await authorize(String(answer.headers["www-authenticate"] ?? ""), registries, login);
      answer = await get(url, headers(), registries);
    }
    if (answer.status !== 200) throw new Error(`${host} answers with status ${answer.status}`);
    return JSON.parse(answer.body);
  };
}

/** @see https://distribution.github.io/distribution/spec/auth/token/ */
async function authorize(
  challenge: string,
  registries: Registries,
  login: string | undefined,
): Promise<string> {
  const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
  const realm = field("realm");
  if (!/^bearer /i.test(challenge) || realm === undefined) {
    if (login === undefined) throw new Error("its registry asks for a password");
    return login;
  }
  const url = new URL(realm);
  if (url.protocol !== "https:") throw new Error(`its registry gives tokens over ${url.protocol}//`);
  for (const name of ["service", "scope"]) {
    const value = field(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers = { accept: "application/json", ...(login ? { authorization: login } : {}) };
  const answer = await get(url, headers, registries);
  if (answer.status !== 200) throw new Error(`${url.host} gives no token: status ${answer.status}`);
  const { token, access_token } = JSON.parse(answer.body) as { token?: string; access_token?: string };
  return `Bearer ${token ?? access_token ?? ""}`;
}
