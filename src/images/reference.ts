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
  const [, name = path, tag = "latest", digest] = /^(.*?)(?::([^:@/]+))?(?:@(.+))?$/.exec(path) ?? [];
  return {
    host: hub ? "registry-1.docker.io" : first,
    repository: hub && !name.includes("/") ? `library/${name}` : name,
    version: digest ?? tag,
  };
}
