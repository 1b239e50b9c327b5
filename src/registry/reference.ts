/** Where an image is and which one. */
export interface ImageReference {
  readonly host: string;
  readonly repository: string;
  /** A tag, or a digest with its algorithm. */
  readonly version: string;
}

/**
 * Takes an image's name apart as container runtimes do: without a host it is Docker Hub's, without a tag `latest`.
 *
 * @param image - as in a container's `image`
 * @see https://github.com/distribution/reference
 */
export function parseImage(image: string): ImageReference {
  const [first = "", ...others] = image.split("/");
  const isHost = others.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const path = isHost ? others.join("/") : image;
  const hub = !isHost || first === "docker.io" || first === "index.docker.io";
  // Not by a pattern: nobody has looked yet whether it is a name at all, and one could take very long to fit.
  const [named = "", digest] = splitAt(path, path.indexOf("@"));
  const [name = "", tag = "latest"] = splitAt(named, named.indexOf(":", named.lastIndexOf("/") + 1));
  return {
    host: hub ? "registry-1.docker.io" : first,
    repository: hub && !name.includes("/") ? `library/${name}` : name,
    version: digest ?? tag,
  };
}

/** What stands before a character and, where it is there, after it. */
function splitAt(text: string, index: number): [string, string?] {
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
