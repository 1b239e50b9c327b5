import { describe, expect, it } from "vitest";
import { backupCommand, restoreCommand } from "../../../src/cli/commands/backup.ts";
import { restartCommand } from "../../../src/cli/commands/restart.ts";
import { rotateCommand } from "../../../src/cli/commands/rotate.ts";

describe("--cache of a command whose argument is the cache", () => {
  it.each([
    ["backup", backupCommand(), ["/x"], "backup [options] <cache> <folder>"],
    ["restore", restoreCommand(), ["/x"], "restore [options] <cache> <folder>"],
    ["restart", restartCommand(), [], "restart [options] <cache>"],
    ["rotate", rotateCommand(), [], "rotate [options] <cache>"],
  ])("%s: the message says how it is named", (name, command, others, usage) => {
    let told = "";
    command?.exitOverride().configureOutput({ writeErr: (text) => (told += text) });
    for (const written of [["--cache", "oras"], ["--cache=oras"]]) {
      told = "";
      expect(() => command?.parse([...written, ...others], { from: "user" })).toThrow();
      expect(told).toContain(`${name} takes the OrasCache as an argument, without --cache: `);
      expect(told).toContain(usage);
    }
    expect(command?.helpInformation()).not.toContain("--cache");
  });
});
