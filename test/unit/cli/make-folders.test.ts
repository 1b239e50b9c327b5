import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStage } from "../../../src/cli/artifacts/stage.ts";
import { exits } from "../../../src/cli/exits.ts";
import { makeLayout } from "../../../src/cli/layout/index-file.ts";
import { makeFolders } from "../../../src/cli/make-folders.ts";
import { CliError, describeError } from "../../../src/cli/output.ts";
import { temporaryFolder } from "../../support/folders.ts";

function refusalOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
    expect((error as CliError).exitCode).toBe(exits.usage);
    return (error as CliError).message;
  }
  throw new Error("nothing is refused");
}

describe("a folder", () => {
  const top = temporaryFolder("make");

  it("is made with those that it is in, with the mode, and may be there", () => {
    const folder = join(top, "a/b/c");
    makeFolders(folder, 0o700);
    makeFolders(folder);
    expect(statSync(join(top, "a")).mode & 0o777).toBe(0o700);
    symlinkSync(folder, join(top, "link"));
    makeFolders(join(top, "link/d"));
    expect(statSync(join(folder, "d")).isDirectory()).toBe(true);
  });

  it("is not made within or over a file, or over a link that leads nowhere", () => {
    writeFileSync(join(top, "file"), "");
    symlinkSync("nothing", join(top, "dangling"));
    for (const name of ["file", "file/below/it"])
      expect(refusalOf(() => makeFolders(join(top, name)))).toMatch(
        /^The folder \S+ cannot be made: (it|\S+\/file) is a file, not a folder\. Name another one\.$/,
      );
    expect(refusalOf(() => makeFolders(join(top, "dangling/x")))).toContain("a link that leads nowhere");
    mkdirSync(join(top, "loops"));
    symlinkSync("loop", join(top, "loops/loop"));
    expect(refusalOf(() => makeFolders(join(top, "loops/loop/x")))).toContain("links lead to each other");
  });

  it.runIf(process.platform === "linux").each(["/proc/x", "/proc/x/y"])(
    "is not made in %s, which takes none, and nobody waits for it",
    async (path) => {
      expect(refusalOf(() => makeFolders(path))).toContain(
        "/proc/x cannot be made: its file system takes no",
      );
      expect(refusalOf(() => void openStage(path, "a/b:1"))).toContain("cannot be made");
      await expect(makeLayout(path)).rejects.toThrow("cannot be made");
    },
  );
});

it("an error of a system call is told in words", () => {
  const error = Object.assign(new Error("EPERM: operation not permitted, open '/sys/x'"), {
    ...{ code: "EPERM", syscall: "open", path: "/sys/x" },
  });
  expect(describeError(error)).toBe("/sys/x: you have no permission.");
});
