import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRegistry } from "../../../src/annotations/reference.ts";
import { loginsFor, readStepSecret, type StepLogins } from "../../../src/controllers/step-logins.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const dataOf = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)]));

function logins(
  texts: Readonly<Record<string, string>>,
  place: string | { readonly url: string; readonly repository: string },
  passwordFor?: string,
): StepLogins | undefined {
  const [host = "", ...path] = typeof place === "string" ? place.split("/") : [];
  const { url, repository } =
    typeof place === "string" ? { url: `https://${host}`, repository: path.join("/") } : place;
  const secret = readStepSecret(dataOf(texts));
  return secret && loginsFor(secret, url, repository, passwordFor);
}

function pairs(...asked: Parameters<typeof logins>): readonly string[] | "unusable" | undefined {
  const found = logins(...asked);
  if (found === undefined || "unusable" in found) return found && "unusable";
  return found.logins.map((login) =>
    login.startsWith("Basic ") ? Buffer.from(login.slice("Basic ".length), "base64").toString() : login,
  );
}

const config = (value: object) => ({ ".dockerconfigjson": JSON.stringify(value) });
const me = { username: "me", password: "x" };

describe("user and password of a Secret", () => {
  const texts = { ORAS_USER: "me\n", ORAS_PULL_PASS: "pull\r\n", ORAS_PUSH_PASS: "push" };

  it.each([
    ["the step's registry", texts, "ghcr.io/a/b", "ghcr.io", ["me:pull"]],
    ["another one", texts, "quay.io/a/b", "ghcr.io", []],
    ["another port", texts, "ghcr.io:1/a/b", "ghcr.io", []],
    ["none that is known", texts, "ghcr.io/a/b", undefined, []],
    [
      "the one that it names",
      { ...texts, registry: "https://quay.io/a\n" },
      "quay.io/a/b",
      "ghcr.io",
      ["me:pull"],
    ],
    ["not a neighbour of that", { ...texts, registry: "quay.io/a" }, "quay.io/ab/c", "quay.io", []],
    ["not the step's, then", { ...texts, registry: "quay.io" }, "ghcr.io/a/b", "ghcr.io", []],
    [
      "nobody without a password to pull",
      { ORAS_USER: "me", ORAS_PUSH_PASS: "p" },
      "ghcr.io/a",
      "ghcr.io",
      [],
    ],
    ["nobody with a line break for it", { ...texts, ORAS_PULL_PASS: "\n" }, "ghcr.io/a", "ghcr.io", []],
  ])("are for %s", (_, secret, place, passwordFor, found) => {
    expect(pairs(secret, place, passwordFor)).toEqual(found);
  });
});

describe("the docker configuration of a Secret", () => {
  it.each<[string, object, string, ReturnType<typeof pairs>]>([
    ["has a name and a password", { auths: { "ghcr.io": me } }, "ghcr.io/a/b", ["me:x"]],
    [
      "has both in one",
      { auths: { "https://ghcr.io/v2/": { auth: base64("me:x:y") } } },
      "ghcr.io/a",
      ["me:x:y"],
    ],
    [
      "has several, the nearest first",
      { auths: { "ghcr.io": me, "ghcr.io/a": { username: "near", password: "y" } } },
      "ghcr.io/a/b",
      ["near:y", "me:x"],
    ],
    [
      "has Docker Hub's",
      { auths: { "https://index.docker.io/v1/": me } },
      "registry-1.docker.io/a/b",
      ["me:x"],
    ],
    ["has another's", { auths: { "quay.io": me } }, "ghcr.io/a", []],
    ["has none", {}, "ghcr.io/a", []],
    ["has an empty entry", { auths: { "ghcr.io": {} } }, "ghcr.io/a", []],
    [
      "has a token for the registry",
      { auths: { "ghcr.io": { registrytoken: "t" } } },
      "ghcr.io/a",
      ["Bearer t"],
    ],
    [
      "has a token for no header",
      { auths: { "ghcr.io": { registrytoken: "t\nx" } } },
      "ghcr.io/a",
      "unusable",
    ],
    [
      "has a token that is exchanged",
      { auths: { "ghcr.io": { identitytoken: "t" } } },
      "ghcr.io/a",
      "unusable",
    ],
    ["has what is none", { auths: { "ghcr.io": 7 } }, "ghcr.io/a", "unusable"],
    ["has a number for a name", { auths: { "ghcr.io": { ...me, username: 7 } } }, "ghcr.io/a", "unusable"],
    ["has what is no base64", { auths: { "ghcr.io": { auth: "bWU6eA-_" } } }, "ghcr.io/a", "unusable"],
    ["has a list", { auths: { "ghcr.io": [] } }, "ghcr.io/a", "unusable"],
    ["has a user in a key", { auths: { "me@ghcr.io": me } }, "ghcr.io/a", "unusable"],
    ["has a key with a set", { auths: { "gh[a-d]r.io": me } }, "ghcr.io/a", "unusable"],
    ["has half of one", { auths: { "ghcr.io": { auth: base64("me") } } }, "ghcr.io/a", "unusable"],
    [
      "has a program for it",
      { auths: { "ghcr.io": me }, credHelpers: { "ghcr.io": "p" } },
      "ghcr.io/a",
      "unusable",
    ],
    [
      "has a program for another",
      { auths: { "ghcr.io": me }, credHelpers: { "q.io": "p" } },
      "ghcr.io/a",
      ["me:x"],
    ],
    ["has a program for the rest", { credsStore: "desktop" }, "ghcr.io/a", "unusable"],
    ["has a program beside it", { auths: { "ghcr.io": me }, credsStore: "desktop" }, "ghcr.io/a", ["me:x"]],
  ])("%s", (_, value, place, found) => {
    expect(pairs(config(value), place, "ghcr.io")).toEqual(found);
  });

  it("may be an older one, and stand beside others", () => {
    const both = {
      ".dockercfg": JSON.stringify({ "ghcr.io": me }),
      "config.json": JSON.stringify({ auths: { "ghcr.io/a": { username: "c", password: "d" } } }),
    };
    expect(pairs(both, "ghcr.io/a/b")).toEqual(["me:x", "c:d"]);
    expect(pairs({ ...both, ORAS_USER: "u", ORAS_PULL_PASS: "p" }, "ghcr.io/a/b", "ghcr.io")).toEqual([
      ...["me:x", "c:d", "u:p"],
    ]);
  });

  it.each(["{", "[]", "null", '"x"', "7"])("that is %s is left to the Pod", (text) => {
    expect(readStepSecret(dataOf({ ".dockerconfigjson": text }))).toBeUndefined();
  });

  it.each(["a b", "ghcr.io/A", "ghcr.io//a", "ghcr.io:0", "ghcr.io:"])(
    "and %j for its registry are left to the Pod",
    (registry) => {
      expect(readStepSecret(dataOf({ registry, ORAS_PULL_PASS: "p" }))).toBeUndefined();
    },
  );

  it("that is very long is left to the Pod", () => {
    expect(readStepSecret(dataOf({ "config.json": " ".repeat(70_000) }))).toBeUndefined();
  });

  // The agent's cases, which were compared with the kubelet's.
  const path = new URL("../../../agent/internal/credentials/testdata/kubelet.json", import.meta.url);
  const cases = JSON.parse(readFileSync(path, "utf8")) as {
    readonly name: string;
    readonly host: string;
    readonly plainHttp?: boolean;
    readonly repository: string;
    readonly config: { readonly credHelpers?: object };
    readonly secret?: Readonly<Record<string, string>>;
    readonly passwordsFor?: string;
    readonly want: readonly string[];
  }[];
  it.each(cases)("as the agent: $name", ({ host, plainHttp, repository, config: value, ...more }) => {
    const url = formatRegistry({ host, plainHttp: plainHttp === true });
    const found = pairs({ ...config(value), ...more.secret }, { url, repository }, more.passwordsFor);
    expect(found).toEqual(value.credHelpers ? "unusable" : more.want);
  });
});

it("whatever is in a Secret is shown to no host that it is not for, and never makes anything fail", () => {
  const key = fc.constantFrom("ghcr.io", "ghcr.io/a", "*.io", "https://ghcr.io/v1/", "evil.io.ghcr.io", "");
  const entry = fc.oneof(fc.jsonValue(), fc.record({ auth: fc.base64String() }), fc.constant(me));
  const text = fc.oneof(
    fc.string(),
    fc.record({ auths: fc.dictionary(key, entry) }).map((value) => JSON.stringify(value)),
  );
  const names = fc.constantFrom(
    ".dockerconfigjson",
    ".dockercfg",
    "config.json",
    "registry",
    "ORAS_PULL_PASS",
  );
  fc.assert(
    fc.property(fc.dictionary(names, text), (texts) => {
      expect(pairs({ ...texts, registry: "ghcr.io" }, "evil.example/a", "ghcr.io")).toSatisfy(
        (found) => found === undefined || found === "unusable" || found.length === 0,
      );
      const { registry: _, ...open } = texts;
      const found = logins(open, "evil.example/a", "ghcr.io");
      if (found && "logins" in found) expect(found.logins).toEqual([]);
    }),
  );
});
