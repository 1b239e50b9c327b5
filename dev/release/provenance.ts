import { architectures, type Pins } from "./pins.ts";

/** What was made, and from what. */
export interface Made {
  readonly repository: string;
  readonly commit: string;
  /** SHA-256 in hex, by name. */
  readonly subjects: ReadonlyMap<string, string>;
  readonly pins: Pins;
  /** Versions of what built it. */
  readonly builders: Readonly<Record<string, string>>;
}

/**
 * How a release was made, to be signed by who publishes it.
 *
 * @param made - see there
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 * @see https://slsa.dev/spec/v1.0/provenance
 */
export function provenanceOf({ repository, commit, subjects, pins, builders }: Made): object {
  const source = `git+${repository}`;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [...subjects].map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: `${repository}/blob/main/dev/release.ts`,
        externalParameters: { source, commit, command: "make release" },
        internalParameters: builders,
        // Modules and npm packages are pinned by go.sum and package-lock.json, which are part of the commit.
        resolvedDependencies: [
          { uri: source, digest: { gitCommit: commit } },
          ...architectures.flatMap((architecture) => [
            ...pins.debian[architecture].map(({ name, version, sha256 }) => ({
              uri: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`,
              digest: { sha256 },
            })),
            {
              uri: `pkg:npm/${pins.node[architecture].name}@${pins.node[architecture].version}`,
              digest: { sha512: hexOf(pins.node[architecture].integrity) },
            },
          ]),
        ],
      },
      runDetails: { builder: { id: `${repository}/blob/main/CONTRIBUTING.md` } },
    },
  };
}

function hexOf(integrity: string): string {
  return Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
}
