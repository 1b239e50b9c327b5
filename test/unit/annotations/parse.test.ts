import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { describeProblems } from "../../../src/annotations/problems.ts";
import { formatReference, parseReference, parseRegistry } from "../../../src/annotations/reference.ts";

const p = names.prefix;

function refusal(map: Record<string, string>): string {
  const result = parseAnnotations(map);
  if (result.ok) throw new Error("accepted");
  return describeProblems(result.problems);
}

describe("refusals", () => {
  it("suggests the nearest known name", () => {
    expect(refusal({ [`${p}input-url`]: "a/b:c" })).toBe(
      `${p}input-url: no such annotation; did you mean ${p}input-uri? Correct the name, or remove the annotation. (UnknownAnnotation)`,
    );
    expect(refusal({ [`${p}outputpath`]: "x", [`${p}output-uri`]: "a/b:c" })).toContain(
      `did you mean ${p}output-path?`,
    );
  });

  it.each([
    ["out-uri", "output-uri"],
    ["in-uri", "input-uri"],
    ["in-path", "input-path"],
    ["out-path", "output-path"],
    ["output_path", "output-path"],
    ["output_uri", "output-uri"],
    ["input_uri", "input-uri"],
    ["input_uri_1", "input-uri_1"],
    ["oras_cache", "oras-cache"],
    ["ORAS_CACHE", "oras-cache"],
    ["share_size_limit", "share-size-limit"],
    ["outputPath", "output-path"],
    ["input-uri-2", "input-uri_2"],
    ["input-uri3", "input-uri_3"],
    ["inputuri_12", "input-uri_12"],
    ["outputuri_1", "output-uri"],
    ["input-pth_x", "input-path"],
  ])("%s is near to %s", (written, meant) => {
    expect(refusal({ [p + written]: "a/b:c" })).toContain(`did you mean ${p}${meant}? `);
  });

  it("lists the known names when nothing is near", () => {
    expect(refusal({ [`${p}zzzzzzzzzz`]: "x" })).toContain("known are input-uri, output-uri");
  });

  it("says what was found and what is allowed", () => {
    expect(refusal({ [`${p}input-uri`]: "a/b", [`${p}unpack`]: "yes" })).toBe(
      [
        "2 problems:",
        `- ${p}input-uri: found "a/b"; the tag is missing: write a/b:latest or another tag. Correct the value. (InvalidValue)`,
        `- ${p}unpack: found "yes"; allowed is "true" or "false". Correct the value. (InvalidValue)`,
      ].join("\n"),
    );
  });

  it.each([
    ["half of a character", "a\ud800b", "a\\ud800b"],
    ["the other half", "\udc00", "\\udc00"],
    ["a turn of direction", "/data/\u202efdp.exe", "\\u202efdp.exe"],
    ["an isolate", "a\u2066b", "a\\u2066b"],
    ["a mark of direction", "a\u200fb", "a\\u200fb"],
    ["a C1 control", "a\u009b31m", "a\\u009b31m"],
    ["DEL", "a\u007f", "a\\u007f"],
    ["a separator of lines", "a\u2028b", "a\\u2028b"],
    ["a tag", "a\u{e0041}b", "a\\u{e0041}b"],
    ["nothing to be seen", "a\u200bb", "a\\u200bb"],
  ])("a path with %s is refused, and shown in words", (_, value, shown) => {
    for (const name of ["input-path", "output-path", "output-pipe"]) {
      const said = refusal({
        [`${p}input-uri`]: "a/b:c",
        [`${p}output-uri`]: "a/b:d",
        [`${p}${name}`]: value,
      });
      expect(said).toContain(`${p}${name}: found "`);
      expect(said).toContain(shown);
      expect(said).toContain("without control characters and invisible ones");
      expect(said).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }
  });

  it.each(["/données/été", "/データ/出力", "/😀 x", "/البيانات"])("a path like %s is fine", (value) => {
    const map = { [`${p}input-uri`]: "a/b:c", [`${p}input-path`]: value };
    expect(parseAnnotations(map)).toMatchObject({ ok: true });
  });

  it.each(["ghcr..io", "ghcr.io:65536", "a.-b", "[:::::::]", "[1::2::3]"])(
    "a registry %s is refused",
    (host) => {
      expect(refusal({ [`${p}input-uri`]: `oci://${host}/a:b` })).toContain("host:port/ (1 to 65535)");
      expect(refusal({ [`${p}input-uri`]: "a/b:c", [`${p}registry`]: host })).toContain(
        "host:port (1 to 65535)",
      );
      expect(refusal({ [`${p}input-uri`]: `${host}/a:b` })).toContain("(InvalidValue)");
    },
  );

  it("names the variables when it finds another", () => {
    expect(refusal({ [`${p}input-uri`]: "runs/$(HOSTNAME):latest" })).toContain(
      "$(HOSTNAME) is no variable; known are $(POD_NAME), $(POD_NAMESPACE),",
    );
  });

  it.each([
    [{ [`${p}output-uri`]: `a/b@sha256:${"0".repeat(64)}` }, "InvalidValue"],
    [{ [`${p}input-uri`]: "a/b:c", [`${p}push-on`]: "always" }, "NothingToPush"],
    [{ [`${p}output-uri`]: "a/b:c", [`${p}output-path_1`]: "x" }, "NoContainerOfNumber"],
    [
      { [`${p}output-uri`]: "a/b:c", [`${p}container_1`]: "x", [`${p}output-path`]: "x" },
      "NoContainerOfNumber",
    ],
    [{ [`${p}entrypoint`]: "https://x/y", [`${p}container_1`]: "x" }, "NotWithScripts"],
    [
      { [`${p}output-uri`]: "a/b:c", [`${p}entrypoint`]: "https://x/y", [`${p}push-on`]: "always" },
      "NotWithScripts",
    ],
    [{ [`${p}debug`]: "true" }, "NothingToDo"],
    [{ [`${p}input-path`]: "x" }, "NothingToPull"],
    [{ [`${p}input-path`]: "x", [`${p}output-uri`]: "a/b:c" }, "NothingToPull"],
    [{ [`${p}input-path_2`]: "x", [`${p}container_2`]: "x", [`${p}output-uri`]: "a/b:c" }, "NothingToPull"],
    [{ [`${p}unpack`]: "false", [`${p}output-uri`]: "a/b:c" }, "NothingToPull"],
    [{ [`${p}output-path`]: "x" }, "NothingToPush"],
    [{ [`${p}output-pipe`]: "x", [`${p}input-uri`]: "a/b:c" }, "NothingToPush"],
    [{ [`${p}output-uri_1`]: "a/b:c" }, "NotAList"],
    [{ [`${p}input-uri_0`]: "a/b:c" }, "BadListNumber"],
    [{ [`${p}input-uri_01`]: "a/b:c" }, "BadListNumber"],
  ])("%j is %s", (map, code) => {
    expect(refusal(map)).toContain(`(${code})`);
  });

  it.each([
    [
      ["container_1", "container_2", "input-path"],
      "no KEYcontainer that it would belong to; allowed are KEYinput-path_1, KEYinput-path_2.",
    ],
    [["container_2", "input-path"], "no KEYcontainer that it would belong to; allowed is KEYinput-path_2."],
    [
      ["container_1", "input-path_3"],
      "no KEYcontainer_3 that it would belong to; allowed is KEYinput-path_1.",
    ],
    [["input-path_1"], "no KEYcontainer_1 that it would belong to; allowed is KEYinput-path."],
  ])("a path of no container says what to write: %j", (keys, sentence) => {
    const map = Object.fromEntries(keys.map((key) => [p + key, "x"]));
    expect(refusal({ [`${p}input-uri`]: "a/b:c", ...map })).toContain(sentence.replaceAll("KEY", p));
  });
});

describe("settings", () => {
  it("fills the defaults in", () => {
    const result = parseAnnotations({ [`${p}input-uri`]: "dinosaur/hello-world:input" });
    expect(result).toEqual({
      ok: true,
      value: {
        inputs: [{ repository: "dinosaur/hello-world", version: ":input" }],
        output: undefined,
        launchers: [
          {
            number: 0,
            container: undefined,
            inputPath: undefined,
            outputPath: undefined,
            outputPipe: undefined,
          },
        ],
        cache: "oras",
        orasContainer: undefined,
        registry: undefined,
        orasEnv: undefined,
        entrypoint: undefined,
        orasEntrypoint: undefined,
        debug: false,
        unpack: true,
        compression: "auto",
        pushOn: "success",
        timeoutSeconds: 300,
        resources: { requests: {}, limits: {} },
        shareSizeLimit: undefined,
        waitForInputs: false,
        waitTimeoutSeconds: undefined,
        onProducerFailure: "wait",
        batch: undefined,
        memo: { mode: undefined, extra: undefined, ignoreEnv: [], assume: [], maxAgeSeconds: undefined },
      },
    });
  });

  it.each([
    ["on", undefined, true],
    ["verify", undefined, true],
    ["off", undefined, false],
    // Its author starts it by hand.
    ["on", "false", false],
    ["off", "true", true],
  ])("holds a step with memoize %s and wait-for-inputs %s: %s", (memoize, waits, held) => {
    const result = parseAnnotations({
      [`${p}input-uri`]: "a/b:in",
      [`${p}output-uri`]: "a/b:c",
      [`${p}memoize`]: memoize,
      ...(waits === undefined ? {} : { [`${p}wait-for-inputs`]: waits }),
    });
    expect(result.ok && result.value.waitForInputs).toBe(held);
  });

  it("reads what a key leaves out", () => {
    const result = parseAnnotations({
      [`${p}output-uri`]: "a/b:c",
      [`${p}memoize`]: "verify",
      [`${p}memoize-extra`]: "v 2",
      [`${p}memoize-ignore-env`]: "A,b.c",
      [`${p}memoize-assume`]: "config,tags",
      [`${p}memoize-max-age`]: "24h",
    });
    expect(result.ok && result.value.memo).toEqual({
      ...{ mode: "verify", extra: "v 2", ignoreEnv: ["A", "b.c"], assume: ["config", "tags"] },
      maxAgeSeconds: 86_400,
    });
  });

  it("counts a step in its batch that waits for nothing: the first one of a workflow", () => {
    const result = parseAnnotations({ [`${p}output-uri`]: "a/b:c", [`${p}batch`]: "nightly/5" });
    expect(result).toMatchObject({ ok: true, value: { batch: { name: "nightly", count: 5 } } });
  });

  it("gives each launcher the paths of its number, in numeric order", () => {
    const result = parseAnnotations({
      [`${p}input-uri`]: "a/b:in",
      [`${p}output-uri`]: "a/b:c",
      [`${p}container_10`]: "ten",
      [`${p}container_2`]: "two",
      [`${p}output-path_10`]: "/ten",
      [`${p}input-path_2`]: "/two",
    });
    if (!result.ok) throw new Error(describeProblems(result.problems));
    expect(result.value.launchers).toMatchObject([
      { number: 2, container: "two", inputPath: "/two", outputPath: undefined },
      { number: 10, container: "ten", inputPath: undefined, outputPath: "/ten" },
    ]);
  });

  it.each([
    ["90s", 90],
    ["10m", 600],
    ["1h30m", 5400],
    ["2h5s", 7205],
  ])("reads the duration %s as %i s", (timeout, seconds) => {
    const result = parseAnnotations({ [`${p}input-uri`]: "a/b:c", [`${p}timeout`]: timeout });
    expect(result.ok && result.value.timeoutSeconds).toBe(seconds);
  });

  it("sorts requests and limits", () => {
    const result = parseAnnotations({
      [`${p}input-uri`]: "a/b:c",
      [`${p}requests-cpu`]: "100m",
      [`${p}limits-memory`]: "1Gi",
    });
    expect(result.ok && result.value.resources).toEqual({
      requests: { cpu: "100m" },
      limits: { memory: "1Gi" },
    });
  });
});

describe("the variable $(RUN)", () => {
  const run = `${p}run`;

  it("is the value of the annotation run, wherever an artifact has it", () => {
    const result = parseAnnotations({
      [`${p}input-uri`]: "a/$(RUN)/b:$(RUN)",
      [`${p}output-uri`]: "oci://ghcr.io/$(RUN)/$(POD_NAME):x-$(RUN)",
      [run]: "n1.x_y-2",
    });
    expect(result).toMatchObject({
      ok: true,
      value: {
        inputs: [{ repository: "a/n1.x_y-2/b", version: ":n1.x_y-2" }],
        output: { repository: "n1.x_y-2/$(POD_NAME)", version: ":x-n1.x_y-2" },
      },
    });
  });

  it("is filled in as it is, whatever it holds for String.replace", () => {
    for (const value of ["$&", "$1", "$(RUN)", "a b", "", "x".repeat(64)])
      expect(refusal({ [`${p}input-uri`]: "a/b:$(RUN)", [run]: value })).toContain(`${run}: found `);
  });

  it("needs the annotation run: one problem for each value that has it", () => {
    const said = refusal({ [`${p}input-uri`]: "a/b:$(RUN)", [`${p}output-uri`]: "a/c:$(RUN)" });
    expect(said).toContain("2 problems:");
    expect(said.match(/\(RunNotSet\)/g)).toHaveLength(2);
    expect(refusal({ [`${p}input-uri`]: "a/b:$(RUN)" })).toContain(run);
  });

  it("gives no second problem where the annotation run is refused", () => {
    const said = refusal({ [`${p}input-uri`]: "a/b:$(RUN)", [run]: "no/tag" });
    expect(said).not.toContain("problems:");
    expect(said).toContain(`${run}: found "no/tag"`);
  });

  it("counts with its value against the lengths that are allowed", () => {
    const value = "r".repeat(63);
    const fits = { [`${p}input-uri`]: `a/b:${"t".repeat(65)}$(RUN)`, [run]: value };
    expect(parseAnnotations(fits)).toMatchObject({ ok: true });
    const long = { [`${p}input-uri`]: `a/b:${"t".repeat(66)}$(RUN)`, [run]: value };
    expect(parseAnnotations(long)).toMatchObject({ ok: false });
    const longer = { [`${p}input-uri`]: `${"$(RUN)/".repeat(8)}a:1`, [run]: value };
    expect(parseAnnotations(longer)).toMatchObject({ ok: false });
  });

  it("is of no use in upper case in a repository", () => {
    expect(parseAnnotations({ [`${p}input-uri`]: "a/$(RUN):1", [run]: "Upper" })).toMatchObject({
      ok: false,
    });
    expect(parseAnnotations({ [`${p}input-uri`]: "a/b:$(RUN)", [run]: "Upper" })).toMatchObject({ ok: true });
  });
});

describe("a fault of a reference is named, with what to write", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const both = ["input-uri", "output-uri"];
  const grammar = "allowed is repository/name:tag";
  const d = "$";
  it.each<[string, string, (readonly string[])?]>([
    ["forest/simulation", "the tag is missing: write forest/simulation:latest or another tag."],
    ["runs/$(POD_NAME)", "the tag is missing: write runs/$(POD_NAME):latest or another tag."],
    ["a/b:", "the tag is missing: write a/b:latest or another tag."],
    [
      "Forest/Simulation:run 1",
      "upper case is allowed in a tag only, a space is not allowed: write forest/simulation:run-1.",
    ],
    ["Runs/$(POD_NAME):V1", "upper case is allowed in a tag only: write runs/$(POD_NAME):V1."],
    ["me/$POD_NAME:v1", "a variable is written $(NAME): write me/$(POD_NAME):v1."],
    [`me/${d}{POD_NAME}:v1`, "a variable is written $(NAME): write me/$(POD_NAME):v1."],
    ["me/$POD_NAMESPACE:v1", "a variable is written $(NAME): write me/$(POD_NAMESPACE):v1."],
    ["me/$HOSTNAME:v1", "$HOSTNAME is no variable; known are $(POD_NAME), "],
    [`me/${d}{HOME}:v1`, `${d}{HOME} is no variable; known are $(POD_NAME), `],
    ["https://ghcr.io/me/results:v1", "https:// is not allowed: write oci://ghcr.io/me/results:v1."],
    ["OCI://ghcr.io/me/results:v1", "OCI:// is not allowed: write oci://ghcr.io/me/results:v1."],
    [
      "docker://ghcr.io/me/x",
      "docker:// is not allowed, the tag is missing: write oci://ghcr.io/me/x:latest or",
    ],
    [
      "http://localhost:5000/me/x:v1",
      `http:// is not allowed: for a registry in plain HTTP, set ${p}registry to http://localhost:5000 and write me/x:v1.`,
    ],
    [
      "ghcr.io/me/x",
      "the tag is missing: write oci://ghcr.io/me/x:latest for the registry ghcr.io, or ghcr-io/me/x:latest for a repository of the step's own registry; another tag is fine, too.",
    ],
    ["ghcr.io/Me/x:v1", "upper case is allowed in a tag only: write oci://ghcr.io/me/x:v1 for the registry"],
    ["", `the value is empty; ${grammar}`],
    ["  ", `the value is empty; ${grammar}`],
    [" a:b\n", "a space at the beginning or at the end is not allowed: write a:b."],
    [":tag", `the name of the repository is missing; ${grammar}`],
    ["oci://ghcr.io", `the name of the repository is missing; ${grammar}`],
    ["a//b:t", "two slashes in a row, or one at an end, are not allowed: write a/b:t."],
    ["/a/b:t", "two slashes in a row, or one at an end, are not allowed: write a/b:t."],
    ["a:b:c", `there is more than one tag; ${grammar}`],
    ["a/b:c/d", `a tag is at the end, after the last slash; ${grammar}`],
    ["a/b:1.0+x", '"+" is not allowed: write a/b:1.0_x.'],
    ["<me>/x:v1", '"<", ">" are not allowed: write me/x:v1.'],
    ["a/b_:t", "between slashes a name begins and ends with a letter or a digit: write a/b:t."],
    ["a/b:-x", "a tag begins with a letter, a digit or _: write a/b:x."],
    [`a/b:${"t".repeat(129)}`, "a tag has at most 128 characters; found 129"],
    ["a".repeat(513), "it has 513 characters; allowed are 512."],
    ["NA", "leave the annotation out if there is none."],
    ["a/b@sha256:12", 'a digest is sha256: and 64 digits from 0-9 and a-f; found "sha256:12"', ["input-uri"]],
    [
      `a/b@${digest}`,
      "an output has a tag and no digest, the tag is missing: write a/b:latest or",
      ["output-uri"],
    ],
    [`a/b:t@${digest}`, "an output has a tag and no digest: write a/b:t.", ["output-uri"]],
  ])("%j: %s", (value, said, uris = both) => {
    for (const name of uris) {
      const message = refusal({ [p + name]: value });
      expect(message).toContain(`; ${said}`);
      expect(message).toContain("(InvalidValue)");
    }
  });

  it.each([
    "https://bob:hunter2@ghcr.io/a:b",
    "https://ghcr.io/a:b?token=hunter2",
    "bob:hunter2@ghcr.io/a:B",
  ])("what to write repeats no password: %s", (value) => {
    for (const name of both) expect(refusal({ [p + name]: value })).not.toMatch(/write \S*hunter2/);
  });
});

describe("references", () => {
  it.each([
    ["ghcr.io/me/results:v1", "oci://ghcr.io/me/results:v1", "ghcr-io/me/results:v1"],
    ["localhost/me/results:v1", "oci://localhost/me/results:v1", "local/me/results:v1"],
    ["localhost:5000/results:v1", "oci://localhost:5000/results:v1", "localhost-5000/results:v1"],
    ["my.data/results:v1", "oci://my.data/results:v1", "my-data/results:v1"],
    ["[::1]:5000/results:v1", "oci://[::1]:5000/results:v1", "1-5000/results:v1"],
    ["Harbor.Example.com/a:v1", "oci://Harbor.Example.com/a:v1", "harbor-example-com/a:v1"],
  ])("I2: %s is refused with both ways to write what may be meant", (value, asHost, asRepository) => {
    for (const name of ["input-uri", "output-uri"]) {
      const message = refusal({ [`${p}${name}`]: value });
      expect(message).toContain("(HostInReference)");
      expect(message).toContain(`allowed is ${asHost} for that registry`);
      expect(message).toContain(`such as ${asRepository}.`);
    }
    for (const value of [asHost, asRepository]) {
      expect(parseAnnotations({ [`${p}input-uri`]: value })).toMatchObject({ ok: true });
    }
  });

  it.each([
    "v1.2:latest",
    "a.b:c",
    "localhost:latest",
    "localhosts/a:b",
    "a/b.c/d:e",
    "oci://ghcr.io/b.c/d:e",
  ])("I2: %s begins with no host", (value) => {
    expect(parseAnnotations({ [`${p}input-uri`]: value })).toMatchObject({ ok: true });
  });

  it.each(["Ghcr.io/Me/results:v1", "https://ghcr.io/a:b", "a:b/c:d", "ghcr.io/a", "ghcr.io:port/a:b"])(
    "I2: %s is neither a reference with oci:// nor without: no advice that does not help",
    (value) => expect(refusal({ [`${p}input-uri`]: value })).toContain("(InvalidValue)"),
  );

  it.each([
    ["ghcr.io/acme", "https://ghcr.io/acme/a/b:1"],
    ["us-docker.pkg.dev/project/repo/", "https://us-docker.pkg.dev/project/repo/a/b:1"],
    ["http://localhost:5000/team", "http://localhost:5000/team/a/b:1"],
    ["[2001:db8::1]", "https://[2001:db8::1]/a/b:1"],
    ["http://[::1]:5000/x", "http://[::1]:5000/x/a/b:1"],
  ])("I3, art-40: registry %s is a prefix of repositories", (registry, expected) => {
    const result = parseAnnotations({ [`${p}input-uri`]: "a/b:1", [`${p}registry`]: registry });
    if (!result.ok) throw new Error(describeProblems(result.problems));
    const [input] = result.value.inputs;
    expect(input && formatReference(parseRegistry(registry), input)).toBe(expected);
    expect(result.value.registry).toEqual(parseRegistry(registry));
  });

  it("I3: a URI that names a host names its whole repository", () => {
    const registry = parseRegistry("http://ghcr.io/acme");
    expect(formatReference(registry, parseReference("oci://ghcr.io/other/x:1"))).toBe(
      "http://ghcr.io/other/x:1",
    );
    expect(formatReference(registry, parseReference("oci://quay.io/other/x:1"))).toBe(
      "https://quay.io/other/x:1",
    );
  });

  it.each([
    [`a/b:tag@sha256:${"1".repeat(64)}`, `https://r/a/b@sha256:${"1".repeat(64)}`],
    [`oci://[::1]:5000/b:tag@sha256:${"1".repeat(64)}`, `https://[::1]:5000/b@sha256:${"1".repeat(64)}`],
    ["oci://[fe80::1]/b:tag", "https://[fe80::1]/b:tag"],
  ])("art-40: %s is accepted; of tag and digest the digest counts", (value, expected) => {
    expect(parseAnnotations({ [`${p}input-uri`]: value })).toMatchObject({ ok: true });
    expect(formatReference(parseRegistry("r"), parseReference(value))).toBe(expected);
  });

  it("keeps a digest whole", () => {
    const digest = `@sha256:${"a".repeat(64)}`;
    expect(parseReference(`a/b${digest}`)).toEqual({ repository: "a/b", version: digest });
  });

  it.each([
    ["ghcr.io", "https://ghcr.io/a/b:1"],
    ["https://ghcr.io/", "https://ghcr.io/a/b:1"],
    ["http://localhost:5000", "http://localhost:5000/a/b:1"],
  ])("registry %s gives %s", (registry, expected) => {
    expect(formatReference(parseRegistry(registry), parseReference("a/b:1"))).toBe(expected);
  });

  it.each([
    ["oci://ghcr.io/a/b:1", "https://ghcr.io/a/b:1"],
    ["oci://ghcr.io:443/b:1", "https://ghcr.io:443/b:1"],
    ["oci://cache.local:5000/b:1", "http://cache.local:5000/b:1"],
    [`oci://host:5000/b@sha256:${"a".repeat(64)}`, `https://host:5000/b@sha256:${"a".repeat(64)}`],
  ])("%s is %s, whose registry it names; that of the step is spoken to as the step does", (uri, expected) => {
    expect(formatReference(parseRegistry("http://cache.local:5000"), parseReference(uri))).toBe(expected);
  });
});
