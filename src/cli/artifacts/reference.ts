import { formats } from "../../../generated/annotations.ts";
import { quoted } from "../../annotations/problems.ts";
import { cutAt, hostIn } from "../../annotations/reference.ts";
import { exits } from "../exits.ts";
import { programName } from "../name.ts";
import { CliError } from "../output.ts";

/** An artifact, or all of a repository, as a command names it. */
export interface Named {
  /** Host of a registry, of `oci://HOST/…`; without it the cache's. */
  readonly host?: string;
  readonly repository: string;
  readonly tag?: string;
  /** Counts before the tag. */
  readonly digest?: string;
}

const scheme = "oci://";
const host = new RegExp(formats.Host.pattern, "u");
// The grammar of references, in steps that cannot take long to fit.
const part = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[a-f0-9]{64}$/;
const longest = 512;

/**
 * Takes an artifact's name apart.
 *
 * @param text - `REPO:TAG`, `REPO@sha256:…`, `REPO`, or one of these after `oci://HOST/`
 * @throws CliError that says what is wrong with it
 */
export function parseNamed(text: string): Named {
  const named = takeApart(text);
  const fault = faultOf(named, text);
  if (fault === undefined) return named;
  const allowed = "allowed is REPOSITORY:TAG or REPOSITORY@sha256:…, in lower case, as in dinosaur/bones:v1";
  throw new CliError(`Artifact ${quoted(text)}: ${fault}; ${allowed}.`, exits.usage);
}

function takeApart(text: string): Named {
  const [where, path] = text.startsWith(scheme) ? cutAt(text.slice(scheme.length), "/") : [undefined, text];
  const [named, digest] = cutAt(path, "@");
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  return {
    ...(where === undefined ? {} : { host: where }),
    repository: colon < 0 ? named : named.slice(0, colon),
    ...(colon < 0 ? {} : { tag: named.slice(colon + 1) }),
    ...(path.includes("@") ? { digest } : {}),
  };
}

function faultOf(named: Named, text: string): string | undefined {
  const { host: where, repository, tag, digest } = named;
  if (text.length > longest) return `it has more than ${longest} characters`;
  if (where !== undefined && !host.test(where)) return `${quoted(where)} is not the host of a registry`;
  const found = where === undefined ? hostIn(text) : undefined;
  if (found !== undefined) {
    return `it begins with a host; write ${quoted(found.withScheme)} for that registry, or leave ${quoted(`${found.host}/`)} out for the cache's`;
  }
  const wrong = repository.split("/").find((step) => !part.test(step));
  if (wrong !== undefined) return `${quoted(wrong)} cannot be a part of a repository's name`;
  if (tag !== undefined && !tagPattern.test(tag)) return `${quoted(tag)} is not a tag`;
  if (digest !== undefined && !digestPattern.test(digest)) return `${quoted(digest)} is not a digest`;
  return undefined;
}

/**
 * Takes the name of one artifact apart: with tag or digest.
 *
 * @throws CliError
 */
export function parseArtifact(text: string): Named {
  const named = parseNamed(text);
  if (versionOf(named) !== undefined) return named;
  const message = `Artifact ${quoted(text)}: a tag is missing; ${programName} ls ${text} lists those that exist.`;
  throw new CliError(message, exits.usage);
}

/** Whether something can be the name of a repository: commands take no other, and terminals and shells would obey some. */
export function isRepository(text: string): boolean {
  return text.length <= longest && text.split("/").every((step) => part.test(step));
}

/** Whether something can be a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** What names the manifest within its repository. */
export function versionOf({ tag, digest }: Named): string | undefined {
  return digest ?? tag;
}

/** The name as people write it. */
export function formatNamed({ host: where, repository, tag, digest }: Named): string {
  const start = where === undefined ? "" : `${scheme}${where}/`;
  return `${start}${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
