import { formats } from "../../generated/annotations.ts";
import { isDigestText } from "../common/digest.ts";

/** Where an image is and which one. */
export interface ImageReference {
  readonly host: string;
  readonly repository: string;
  /** A tag, or a digest with its algorithm. */
  readonly version: string;
  /** Whether it is a digest: what it names never changes then. */
  readonly isDigest: boolean;
}

/** The parts of a reference that become parts of a URL. None of these patterns can take long to fit. */
const host = new RegExp(formats.Host.pattern, "u");
const repositoryPart = /^[a-z0-9][-a-z0-9._]*$/;
const longestRepository = 255;
const tagPattern = /^\w[-\w.]{0,127}$/;
/** More than any reference has: nothing else is looked at in a longer one. */
const longest = 1024;

/**
 * Takes an image's name apart as container runtimes do: without a host it is Docker Hub's, without a tag `latest`.
 *
 * @param image - as in a container's `image`
 * @returns undefined when it is not the name of an image
 * @see https://github.com/distribution/reference
 */
export function parseImage(image: string): ImageReference | undefined {
  if (image.length > longest) return undefined;
  const [first = "", ...others] = image.split("/");
  const hasHost = others.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const path = hasHost ? others.join("/") : image;
  const hub = !hasHost || first === "docker.io" || first === "index.docker.io";
  const [named = "", digest] = splitAt(path, path.indexOf("@"));
  const [name = "", tag = "latest"] = splitAt(named, named.indexOf(":", named.lastIndexOf("/") + 1));
  const reference = {
    host: hub ? "registry-1.docker.io" : first,
    repository: hub && !name.includes("/") ? `library/${name}` : name,
    version: digest ?? tag,
    isDigest: digest !== undefined,
  };
  return isReference(reference) && isTag(tag) ? reference : undefined;
}

function isReference({ host: where, repository, version, isDigest }: ImageReference): boolean {
  return (
    where.length <= formats.Host.maxLength &&
    host.test(where) &&
    isRepository(repository) &&
    (isDigest ? isDigestText(version) : isTag(version))
  );
}

/** Whether a text is the name of a repository, as a part of a URL. */
export function isRepository(text: string): boolean {
  return text.length <= longestRepository && text.split("/").every((part) => repositoryPart.test(part));
}

/** Whether a text is a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** What stands before a character and, where it is there, after it. */
function splitAt(text: string, index: number): [string, string?] {
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
