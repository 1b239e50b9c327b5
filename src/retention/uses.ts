import { parseReference } from "../annotations/reference.ts";
import type { Manifest } from "./facts.ts";
import { matchesRepository, matchesText } from "./wildcards.ts";

/** Whether a tag, or a manifest by its digest, is one of those that are meant. */
export interface Selection {
  readonly hasTag: (repository: string, tag: string) => boolean;
  readonly hasDigest: (manifest: Pick<Manifest, "repository" | "digest">) => boolean;
}

/**
 * What references mean that steps have written. The value of a variable is not known here, so each stands for anything.
 * So does a registry: who names this one by its address means it, too, and all that stands before the repositories may be the
 * prefix of one, `http://oras-0.oras:5000/team`.
 *
 * @param references - such as `runs/a:v1`, `runs/$(POD_NAME):v1` or `runs/a@sha256:…`
 */
export function selectionOf(references: Iterable<string>): Selection {
  const exact = new Set<string>();
  const patterns = new Set<string>();
  for (const reference of references) {
    const { repository, version } = parseReference(reference.replaceAll(variable, "*"));
    const text = repository + version;
    (text.includes("*") ? patterns : exact).add(text);
  }
  const all = [...patterns];
  const has = (text: string) => exact.has(text) || all.some((pattern) => matchesText(pattern, text));
  return {
    hasTag: (repository, tag) => endsOf(repository).some((end) => has(`${end}:${tag}`)),
    hasDigest: ({ repository, digest }) => endsOf(repository).some((end) => has(`${end}@${digest}`)),
  };
}

/** `a/b/c`, `b/c` and `c`. */
function endsOf(repository: string): string[] {
  const parts = repository.split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

const variable = /\$\([^()]*\)/g;

/** What is wrong in a list of artifacts to keep. */
export interface WrongEntry {
  readonly entry: string;
}

/**
 * Reads the annotation `keep` of an OrasCache: artifacts, separated by commas or spaces.
 *
 * @param text - such as `models/**, runs/a:v1, runs/b@sha256:…`; a repository alone means all in it
 * @returns or the entries that are none: then nothing is deleted
 */
export function keepList(text: string): Selection | readonly WrongEntry[] {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  const wrong = entries.filter((entry) => !form.test(entry));
  if (wrong.length > 0) return wrong.map((entry) => ({ entry }));
  const kept = entries.map((entry) => {
    const [, repository = "", tag, digest] = form.exec(entry) ?? [];
    return { repository, tag, digest };
  });
  return {
    hasTag: (repository, name) =>
      kept.some(
        ({ repository: glob, tag, digest }) =>
          digest === undefined && matchesRepository(glob, repository) && matchesText(tag ?? "*", name),
      ),
    hasDigest: ({ repository, digest: is }) =>
      kept.some(
        ({ repository: glob, tag, digest }) =>
          tag === undefined && (digest ?? is) === is && matchesRepository(glob, repository),
      ),
  };
}

const form = /^([a-z0-9._*-]+(?:\/[a-z0-9._*-]+)*)(?::([\w.*-]+)|@(sha256:[a-f0-9]{64}))?$/;
