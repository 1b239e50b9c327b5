import type { V1Pod } from "@kubernetes/client-node";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { graphCommand } from "../../../../src/cli/commands/graph.ts";
import { uiCommand } from "../../../../src/cli/commands/ui.ts";
import { cursorAt } from "../../../../src/cli/completion/words.ts";
import { ofRun } from "../../../../src/cli/graph/read.ts";
import { draw } from "../../../../src/cli/ui/drawing.ts";
import { podOf } from "../../../support/builders.ts";
import { objectsOf, stepIn } from "../../../support/ui-objects.ts";

const optionOf = (command: Command) => command.options.find(({ long }) => long === "--run");

describe("--run", () => {
  test("is the same option as of graph, and completed as it is", () => {
    const [ours, theirs] = [optionOf(uiCommand()), optionOf(graphCommand())];
    expect([ours?.flags, ours?.description]).toEqual([theirs?.flags, theirs?.description]);
    const program = new Command("x").addCommand(uiCommand()).addCommand(graphCommand());
    for (const name of ["ui", "graph"]) {
      expect(cursorAt(program, [name, "--r"]).wanted).toEqual({
        words: expect.arrayContaining(["--run"]) as string[],
      });
      expect(cursorAt(program, [name, "--run", ""]).wanted).toEqual({ words: [] });
    }
  });

  test("takes Jobs with their Pods, and Pods of no Job, by the annotation", () => {
    const step = (name: string, run: string) =>
      stepIn(name, { run, "output-uri": `${name}/all:v1` }, "succeeded");
    const bare = (name: string, run: string): V1Pod => {
      const pod = podOf(name, { run, "output-uri": `${name}/all:v1` }) as V1Pod;
      return { ...pod, metadata: { ...pod.metadata, name } };
    };
    const { jobs, pods } = objectsOf([step("a", "17"), step("b", "18")]);
    const all = [...pods, bare("c", "17"), bare("d", "18")].map((pod) => ({
      ...pod,
      metadata: { ...pod.metadata, uid: pod.metadata?.name ?? "" },
    }));
    const named = (run: string | undefined) => {
      const chosen = ofRun({ jobs, pods: all }, run);
      return [...chosen.jobs, ...chosen.pods].map(({ metadata }) => metadata?.name).sort();
    };
    expect(named("17")).toEqual(["a", "a-x7k2p", "c"]);
    expect(named("18")).toEqual(["b", "b-x7k2p", "d"]);
    expect(named("19")).toEqual([]);
    expect(named(undefined)).toEqual(["a", "a-x7k2p", "b", "b-x7k2p", "c", "d"]);
  });

  test.each([
    ["17", "17", "17"],
    ["a b", "a b", "'a b'"],
    ["x\u202e", "x\\u202e", "'x\\u202e'"],
  ])("is said by the drawing, with the command that shows it again: %j", (run, shown, typed) => {
    const objects = objectsOf([stepIn("a", { "output-uri": "a/all:v1" }, "running")]);
    const { drawing } = draw(objects, undefined, run);
    const only = { run: shown, command: `kubectl oras-cache ui -n runs --run ${typed}` };
    expect(drawing.only).toEqual(only);
    const later = objectsOf([stepIn("a", { "output-uri": "a/all:v1" }, "succeeded")]);
    expect(draw(later, drawing, run).drawing.only).toEqual(only);
    expect(draw(objects, undefined).drawing.only).toBeUndefined();
  });
});
