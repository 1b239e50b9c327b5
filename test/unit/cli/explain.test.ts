import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { optionTable } from "../../../schema/options.ts";
import {
  conditionReasons,
  conditionTypes,
  eventReasons,
  stepConditionReasons,
  stepConditions,
} from "../../../schema/reasons.ts";
import { variables } from "../../../schema/variables.ts";
import { problemCatalogue } from "../../../src/annotations/problems.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { explainAll, explainOne } from "../../../src/cli/explain/explain.ts";
import { allTopics } from "../../../src/cli/explain/topics.ts";
import { start } from "../../support/processes.ts";

const run = (args: string[]) =>
  start([process.execPath, "src/cli/main.ts", "explain", ...args], { env: process.env }).ended;

/** Text as it was before it was wrapped. */
const unwrapped = (text: string) => text.replaceAll(/\n +/g, " ");

describe("I11: explain an annotation", () => {
  it("tells everything of it, in the form of kubectl explain", () => {
    const { key, example, description } = annotations["oras-cache"];
    const [about = "", text = ""] = explainOne("oras-cache").split("\n\n");
    expect(about.split("\n")).toEqual([
      `ANNOTATION:  ${key}`,
      expect.stringMatching(/^ALLOWED: {5}the name of an OrasCache/),
      expect.stringMatching(/^ {13}\S/),
      "DEFAULT:     oras",
      `EXAMPLE:     ${example}`,
    ]);
    expect(text.split(/\n {4}/).join(" ")).toBe(`DESCRIPTION: ${description}`);
  });

  it.each([
    `${names.prefix}input-uri`,
    "INPUT-URI",
    "input-uri_12",
    `${names.prefix}input-uri_1`,
    " input-uri ",
  ])("%s is input-uri", (asked) => expect(explainOne(asked)).toBe(explainOne("input-uri")));

  it("says of a list how it is numbered, and of others that they take one value", () => {
    expect(explainOne("container_2")).toContain("LIST:        container, container_1, container_2, …");
    expect(() => explainOne("oras-cache_1")).toThrow("takes one value");
    expect(() => explainOne("container_02")).toThrow('found "_02"');
  });
});

describe("I11: explain a field of an OrasCache", () => {
  it.each(["spec.image", "orascache.spec.image", "OrasCache.spec.IMAGE", "oc.spec.image"])("%s", (asked) => {
    const text = explainOne(asked);
    expect(text).toContain("FIELD:    spec.image <string>\n");
    expect(text).toContain("Image of the registry.");
  });

  it("lists the fields below one", () => {
    expect(explainOne("orascache.spec.secrets")).toMatch(/FIELDS:\n {2}orasEnv <string> +Name of a Secret/);
    expect(explainOne("orascaches")).toMatch(/FIELDS:\n {2}spec <object> /);
    expect(explainOne("status.conditions[].type")).toContain("status.conditions.type <string>");
  });
});

describe("I11: explain the rest", () => {
  it.each(["NoCommand", "nocommand", "NOCOMMAND"])("the code %s", (asked) => {
    const text = unwrapped(explainOne(asked));
    expect(text).toContain(problemCatalogue.NoCommand.summary);
    expect(text).toMatch(/SEE: +https:\S+\/errors\.md#nocommand/);
  });

  it("an exit code, by its number", () => {
    expect(unwrapped(explainOne("181"))).toContain(exitCodes.inputNotFound.meaning);
  });

  it.each([
    ["126", "cannot be executed"],
    ["127", "is not in the container"],
    ["137", "often for lack of memory"],
    ["143", "as when the Pod is deleted"],
  ])("exit code %s, which a program may have, too", (code, sentence) => {
    expect(unwrapped(explainOne(code))).toContain(sentence);
  });

  it.each([
    ["139", "ended by signal 11"],
    ["1", "the program's own"],
  ])("exit code %s, which is not of the operator", (code, sentence) => {
    expect(() => explainOne(code)).toThrow(sentence);
  });

  it.each(["$(JOB_NAME)", "JOB_NAME", "job_name", "$JOB_NAME"])("the variable %s", (asked) => {
    expect(unwrapped(explainOne(asked))).toContain(variables.JOB_NAME.meaning);
  });
});

describe("explain what kubectl describe and the chart show", () => {
  it.each(Object.entries({ ...conditionTypes, ...stepConditions }))("the condition %s", (type, meaning) => {
    expect(unwrapped(explainOne(type))).toContain(meaning);
  });

  it.each(
    Object.entries({
      ...conditionReasons,
      ...stepConditionReasons,
      ...eventReasons.OrasCache,
      ...eventReasons.step,
    }),
  )("the reason %s", (reason, { meaning }) => {
    for (const asked of [reason, reason.toLowerCase()]) {
      expect(unwrapped(explainOne(asked)).split(`DESCRIPTION: ${meaning}`)).toHaveLength(2);
    }
  });

  it.each(optionTable)("the option $name", ({ name, env, key, description }) => {
    for (const asked of [name, `--${name}`, env, key, `manager.${key}`]) {
      expect(unwrapped(explainOne(asked))).toContain(description);
    }
  });

  it("everything that has a name", () => {
    const text = explainOne("StorageLost");
    expect(text).toContain("CONDITION:");
    expect(text).toContain("REASON:");
    expect(explainOne("share-size-limit")).toMatch(/ANNOTATION:[\s\S]*OPTION:/);
  });
});

describe("I11: names that are nearly right", () => {
  it.each([
    ["input-url", "input-uri"],
    ["spec.imge", "spec.image"],
    ["NoComand", "NoCommand"],
    ["$(JOB_NAM)", "$(JOB_NAME)"],
    ["ImagePullFaild", "ImagePullFailed"],
    ["--log-lvel", "--log-level"],
  ])("%s: did you mean %s?", (asked, meant) => {
    expect(() => explainOne(asked)).toThrow(`did you mean ${meant}?`);
  });

  it("are answered with a sentence, whatever they are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (asked) => {
        try {
          expect(explainOne(asked)).not.toBe("");
        } catch (error) {
          expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(":") });
        }
      }),
    );
  });
});

describe("I11: explain alone", () => {
  it("lists everything with its first sentence", () => {
    const text = explainAll();
    for (const name of [...Object.keys(annotations), ...Object.keys(problemCatalogue), "$(POD_UID)", "190"])
      expect(text).toMatch(new RegExp(`^ {2}${name.replaceAll(/[$()]/g, "\\$&")}\\s+\\S`, "m"));
  });

  it("finds each thing that it lists", () => {
    for (const { name } of allTopics()) expect(explainOne(name)).toContain("DESCRIPTION:");
  });
});

it.each([60, 80, 120])("I11: text is wrapped to %i columns, but for words that are longer", (width) => {
  const texts = [explainAll(width), ...allTopics().map(({ name }) => explainOne(name, width))];
  const long = texts
    .flatMap((text) => text.split("\n"))
    .filter((line) => line.length > width && line.trim().split(/\s+/).length > 2);
  expect(long).toEqual([]);
});

it("I11: the program prints what it is asked for, in 80 columns where it writes to no terminal", async () => {
  const [one, all] = await Promise.all([run(["$(JOB_NAME)"]), run([])]);
  expect(one).toMatchObject({ code: 0, stderr: "", stdout: `${explainOne("$(JOB_NAME)", 80)}\n` });
  expect(all).toMatchObject({ code: 0, stderr: "", stdout: `${explainAll(80)}\n` });
});

it.each(["", "  "])("the program lists everything on standard error and ends with 2 for %j", async (name) => {
  const { code, stdout, stderr } = await run([name]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(explainAll(80));
});

it("I11: the program suggests on standard error and ends with 2", async () => {
  expect(await run(["input-url"])).toMatchObject({
    code: 2,
    stdout: "",
    stderr: "input-url: nothing is called that; did you mean input-uri?\n",
  });
});

it("an exit code and the reason of its Event say each what to do, and once what they mean", () => {
  for (const asked of ["181", "InputNotFound", "OutputFailed", "NotPushed"])
    expect(explainOne(asked).match(/TO DO:/g), asked).toHaveLength(1);
  expect(explainOne("InputNotFound").match(/An input is not in the registry/g)).toHaveLength(1);
});
