import { annotationVariables, variables, writtenPattern } from "../../schema/variables.ts";
import { quoted, withoutSecrets } from "./problems.ts";
import { cutAt, hostIn } from "./reference.ts";
import { knownVariables } from "./variables.ts";

/** What of a reference's form its faults are found by. */
export interface ReferenceForm {
  readonly fits: (value: string) => boolean;
  readonly maxLength: number;
  /** What is allowed, in words. */
  readonly allowed: string;
  /** Key of the annotation that names a registry in plain HTTP. */
  readonly registryKey: string;
}

/** A reference taken apart, whatever is in it. */
interface Parts {
  /** What may be a host, with its scheme and a slash after it; empty without one. */
  readonly head: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** What is wrong with a part, and the part without it. */
interface Repair {
  readonly fault: string;
  readonly parts: Partial<Parts>;
}

/**
 * Says what is wrong with a reference, and what to write instead.
 *
 * @param value - does not have the form
 * @returns a sentence without its full stop; undefined where no fault is known
 */
export function faultsOfReference(value: string, form: ReferenceForm): string | undefined {
  // What may be a password is not repeated in what to write.
  if (withoutSecrets(value) !== value || standIns.test(value)) return undefined;
  if (value.length > form.maxLength) {
    return `it has ${value.length} characters; allowed are ${form.maxLength}`;
  }
  // The original's word for none.
  if (value === "NA") return "leave the annotation out if there is none";
  const trimmed = value.trim();
  if (trimmed === "") return `the value is empty; allowed is ${form.allowed}`;
  const written = trimmed.replaceAll(/\$\{?([A-Z_]+)\}?/g, (found, name: string) =>
    Object.hasOwn(variables, name) || Object.hasOwn(annotationVariables, name) ? `$(${name})` : found,
  );
  const unknown = written.replaceAll(writtenPattern, "").match(/\$(\([^)]*\)?|\{?\w*\}?)/)?.[0];
  if (unknown !== undefined) return `${shown(unknown)} is no variable; known are ${knownVariables}`;
  const faults = [
    ...(trimmed === value ? [] : ["a space at the beginning or at the end is not allowed"]),
    ...(written === trimmed ? [] : ["a variable is written $(NAME)"]),
  ];
  return faultsOfParts(written, faults, form);
}

/** @param before - the faults that are found already */
function faultsOfParts(written: string, before: readonly string[], form: ReferenceForm): string | undefined {
  const { text, restored } = withStandIns(written);
  const [scheme = ""] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  const found = repaired(scheme === "" ? text : `oci://${text.slice(scheme.length)}`, form);
  const foreign = scheme !== "" && scheme !== "oci://" ? [`${scheme} is not allowed`] : [];
  const faults = [...before, ...foreign, ...found.faults].join(", ");
  if (faults === "") return undefined;
  const result = found.parts && restored(formatParts(found.parts));
  const advise = scheme.toLowerCase() === "http://" ? inPlainHttp : toWrite;
  const advice = result === undefined ? undefined : advise(result, form);
  if (advice === undefined) return `${faults}; allowed is ${form.allowed}`;
  if (!found.anyTag) return `${faults}: ${advice}`;
  return `${faults}: ${advice}${advice === `write ${result}` ? " or another tag" : "; another tag is fine, too"}`;
}

function toWrite(result: string, { fits }: ReferenceForm): string | undefined {
  const host = hostIn(result);
  if (host === undefined) return fits(result) ? `write ${result}` : undefined;
  if (!fits(host.withScheme)) return undefined;
  const repository = fits(host.asRepository)
    ? `, or ${host.asRepository} for a repository of the step's own registry`
    : "";
  return `write ${host.withScheme} for the registry ${shown(host.host)}${repository}`;
}

/** A reference speaks to its own host over HTTPS only. */
function inPlainHttp(result: string, { fits, registryKey }: ReferenceForm): string | undefined {
  const [host, path] = cutAt(result.slice("oci://".length), "/");
  if (!fits(result) || !fits(path)) return undefined;
  return `for a registry in plain HTTP, set ${registryKey} to http://${host} and write ${path}`;
}

function shown(text: string): string {
  return quoted(text).slice(1, -1);
}

/** Characters for private use stand for variables: letters that have no case. */
const standIns = /[\ue000-\ue0ff]/;

function withStandIns(value: string): { text: string; restored: (text: string) => string } {
  const found: string[] = [];
  const text = value.replaceAll(writtenPattern, (variable) => {
    found.push(variable);
    return String.fromCharCode(0xe000 + found.length - 1);
  });
  const restored = (repairedText: string) =>
    repairedText.replaceAll(/[\ue000-\ue0ff]/g, (letter) => found[letter.charCodeAt(0) - 0xe000] ?? "");
  return { text, restored };
}

function repaired(text: string, form: ReferenceForm): { faults: string[]; parts?: Parts; anyTag: boolean } {
  const faults: string[] = [];
  let parts = takeApart(text);
  for (const repair of repairs) {
    const found = repair(parts, form);
    if (found === undefined) continue;
    faults.push(found.fault);
    parts = { ...parts, ...found.parts };
  }
  const anyTag = faults.includes(noTag);
  const fault = beyondRepair(parts);
  return fault === undefined ? { faults, parts, anyTag } : { faults: [...faults, fault], anyTag };
}

function takeApart(text: string): Parts {
  const [named, digest] = text.includes("@") ? cutAt(text, "@") : [text, undefined];
  const host = named.startsWith("oci://") ? cutAt(named.slice("oci://".length), "/")[0] : hostIn(named)?.host;
  const head = host === undefined ? "" : `${named.startsWith("oci://") ? "oci://" : ""}${host}/`;
  const path = named.slice(head.length);
  const colon = path.lastIndexOf(":");
  return {
    head,
    repository: colon < 0 ? path : path.slice(0, colon),
    tag: colon < 0 ? undefined : path.slice(colon + 1),
    digest,
  };
}

function formatParts({ head, repository, tag, digest }: Parts): string {
  return `${head}${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

const noTag = "the tag is missing";
const sha256 = /^sha256:[a-f0-9]{64}$/;
const aDigest = "a digest is sha256: and 64 digits from 0-9 and a-f";

/** In the order in which they are made. */
const repairs: readonly ((parts: Parts, form: ReferenceForm) => Repair | undefined)[] = [
  ({ repository }) =>
    inRepository("two slashes in a row, or one at an end, are not allowed", repository, (name) =>
      name
        .replaceAll(/\/{2,}/g, "/")
        .replace(/^\//, "")
        .replace(/\/$/, ""),
    ),
  ({ repository }) =>
    inRepository("upper case is allowed in a tag only", repository, (name) => name.toLowerCase()),
  ({ repository, tag = "" }) => {
    const wrong = [
      ...(repository.match(/[^a-z0-9._/:\ue000-\ue0ff-]/gu) ?? []),
      ...(tag.match(/[^a-zA-Z0-9._/\ue000-\ue0ff-]/gu) ?? []),
    ];
    if (wrong.length === 0) return undefined;
    const each = [...new Set(wrong)]
      .slice(0, 5)
      .map((letter) => (letter === " " ? "a space" : quoted(letter)));
    const name = untied(single(repository.replaceAll(/[^a-z0-9._/:\ue000-\ue0ff-]+/gu, "-")));
    // As Helm writes the versions of charts, which have a plus.
    const version = tag.replaceAll("+", "_").replaceAll(/[^a-zA-Z0-9._/\ue000-\ue0ff-]+/gu, "-");
    const fault = `${each.join(", ")} ${each.length > 1 ? "are" : "is"} not allowed`;
    return { fault, parts: { repository: name, ...(tag === "" ? {} : { tag: version }) } };
  },
  ({ repository }) =>
    inRepository("between slashes a name begins and ends with a letter or a digit", repository, untied),
  ({ repository }) => inRepository("separators are one of . and _, or __, or several -", repository, single),
  ({ digest }, { fits }) => {
    if (digest === undefined || !/^sha[0-9]+:/i.test(digest) || fits(`a@sha256:${"0".repeat(64)}`))
      return undefined;
    return { fault: "an output has a tag and no digest", parts: { digest: undefined } };
  },
  ({ digest }) => {
    const lower = digest?.toLowerCase();
    if (lower === digest || lower === undefined || !sha256.test(lower)) return undefined;
    return { fault: "a digest is in lower case", parts: { digest: lower } };
  },
  ({ repository, tag, digest }) => {
    if (tag || repository === "" || (tag === undefined && digest !== undefined)) return undefined;
    return { fault: noTag, parts: { tag: digest === undefined ? "latest" : undefined } };
  },
  ({ tag }) => {
    const without = tag?.replace(/^[.-]+/, "");
    if (!without || without === tag) return undefined;
    return { fault: "a tag begins with a letter, a digit or _", parts: { tag: without } };
  },
];

/** A name without separators at the ends of its parts. */
function untied(name: string): string {
  return name.replaceAll(/(^|\/)[._-]+/g, "$1").replaceAll(/(?<![._-])[._-]+(?=\/|$)/g, "");
}

/** A name with one separator where several stand that may not stand together. */
function single(name: string): string {
  return name.replaceAll(/[._-]{2,}/g, (some) => (some === "__" || /^-+$/.test(some) ? some : "-"));
}

function inRepository(fault: string, name: string, repair: (name: string) => string): Repair | undefined {
  const repository = repair(name);
  return repository === name ? undefined : { fault, parts: { repository } };
}

/** What only the author knows. */
function beyondRepair({ repository, tag, digest }: Parts): string | undefined {
  if (repository === "") return "the name of the repository is missing";
  if (tag?.includes("/")) return "a tag is at the end, after the last slash";
  if (repository.includes(":")) return "there is more than one tag";
  if (digest !== undefined && !sha256.test(digest)) return `${aDigest}; found ${quoted(digest)}`;
  return tag !== undefined && tag.length > longestTag
    ? `a tag has at most ${longestTag} characters; found ${tag.length}`
    : undefined;
}

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
const longestTag = 128;
