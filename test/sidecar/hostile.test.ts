import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { pushArchives } from "../support/artifact.ts";
import { fakePod, startRegistry, type TestRegistry, toolsTree } from "../support/sidecar.ts";
import { type Member, packTar } from "../support/tar.ts";

let tools: Awaited<ReturnType<typeof toolsTree>>;
let registry: TestRegistry;
let number = 0;

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

/** Lays archives out as an input; beside the place is a folder that nothing may touch. */
async function layOut(archives: readonly (readonly Member[])[]) {
  const ref = `${registry.url}/hostile/step-${++number}:1`;
  await pushArchives(tools, ref, archives.map(packTar));
  const pod = fakePod(tools);
  const outside = join(pod.work, "../outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "kept"), "kept");
  expect((await pod.init("--input", ref)).code).toBe(0);
  const ended = await pod.launcher(["--inputs", "1"], ["echo", "ran"]).ended;
  return { ended, outside, work: pod.work, message: () => readFileSync(pod.message, "utf8") };
}

/** All below a folder, without following links. */
function all(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return lstatSync(path).isDirectory() ? [path, ...all(path)] : [path];
  });
}

/** Where a path leads, as the kernel finds it; undefined when it leads nowhere. */
function leadsTo(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

const file = (name: string): Member => ({ type: "0", name, content: "evil" });
const directory = (name: string): Member => ({ type: "5", name });
const link = (name: string, target: string): Member => ({ type: "2", name, target });
const hardLink = (name: string, target: string): Member => ({ type: "1", name, target });

describe.concurrent("an archive is refused, and nothing is written outside, that has", () => {
  it.each<[string, Member[][]]>([
    ["an absolute name", [[file("/tmp/oras-operator-evil")]]],
    ["a name above", [[file("../outside/evil")]]],
    ["a name that climbs after all", [[file("d/../../outside/evil")]]],
    ["an absolute link", [[link("d", "/etc")]]],
    ["a link above", [[link("d", "../outside")]]],
    ["a link that climbs after all", [[{ type: "5", name: "d" }, link("d/l", "here/../../../outside")]]],
    ["a link and a file through it", [[link("d", "../outside"), file("d/evil")]]],
    ["a link, and another archive through it", [[link("d", "../outside")], [file("d/evil")]]],
    ["a hard link to a file above", [[hardLink("d", "../outside/kept")]]],
    ["a hard link through a link", [[link("l", "../outside"), hardLink("d", "l/kept")]]],
    ["a character device", [[{ type: "3", name: "d" }]]],
    ["a block device", [[{ type: "4", name: "d" }]]],
    ["a pipe", [[{ type: "6", name: "d" }]]],
    ["a pipe whose name holds a quote", [[{ type: "6", name: 'p"q' }]]],
    ["a pipe whose name looks like an option", [[{ type: "6", name: "--" }]]],
    ["a link whose name holds a quote", [[link('a"b', "/etc")]]],
    ["a link whose name holds an arrow", [[link('x" -> "y', "/etc")]]],
    ["a link whose name holds a backslash", [[link("a\\", "/etc")]]],
    ["a link whose name holds a newline", [[directory("a\nb"), link("a\nb/l", "/nonexistent")]]],
    ["a link whose name ends in a newline", [[directory("d\n"), link("d\n/l", "../../outside")]]],
    ["a link whose name looks like an option", [[link("--", "/etc")]]],
    ["a link whose name is not UTF-8's idea of itself", [[link("é日", "../outside")]]],
    [
      "a hard link to a link that would climb from there",
      [[directory("a"), directory("a/b"), link("a/b/l", "../out"), hardLink("d", "a/b/l")]],
    ],
    ["a link that climbs after a name", [[directory("a/b/c"), link("m", "a/b/c"), link("l", "m/../../out")]]],
    [
      "a link that climbs from a folder which is a link",
      [
        [directory("a"), link("a/b", "..")],
        [directory("c"), link("a/b/c/l", "../../outside")],
      ],
    ],
  ])("%s", async (_, archives) => {
    const { ended, outside, work, message } = await layOut(archives);
    expect(ended).toMatchObject({ code: exitCodes.unpackFailed.code, stdout: "" });
    expect(message()).toContain("could not be unpacked");
    expect(readdirSync(outside)).toEqual(["kept"]);
    expect(readFileSync(join(outside, "kept"), "utf8")).toBe("kept");
    const special = all(work).filter((path) => {
      const stat = lstatSync(path);
      return !stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink();
    });
    expect(special).toEqual([]);
  });
});

const segment = fc.constantFrom("a", "b", "..", ".", "", "outside", "kept");
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join("/"));
const member: fc.Arbitrary<Member> = fc
  .record({ type: fc.constantFrom("0", "1", "2", "2", "3", "5", "6"), name: path, target: path })
  .map(({ type, name, target }) => ({ type, name, target, content: "evil" }) as Member);

it("whatever an archive holds, nothing is written outside, and a program that runs finds no way out", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(member, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 2 }),
      async (archives) => {
        const { ended, outside, work } = await layOut(archives);
        expect(readdirSync(outside)).toEqual(["kept"]);
        expect(readFileSync(join(outside, "kept"), "utf8")).toBe("kept");
        expect(lstatSync(join(outside, "kept")).nlink).toBe(1);
        expect(readdirSync(join(work, "..")).sort()).toEqual(
          ["message", "outside", "share", "work"].filter((name) => name !== "message" || ended.code !== 0),
        );
        if (ended.code !== 0) return;
        const root = realpathSync(work);
        for (const found of all(work).filter((path) => lstatSync(path).isSymbolicLink())) {
          expect(`${leadsTo(found) ?? root}/`, `${found} -> ${readlinkSync(found)}`).toContain(`${root}/`);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 300_000);
