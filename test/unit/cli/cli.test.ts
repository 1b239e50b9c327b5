import { describe, expect, it } from "vitest";
import { optionDefaults, optionTable } from "../../../schema/options.ts";
import { explainCommand } from "../../../src/cli/commands/explain.ts";
import { injectCommand } from "../../../src/cli/commands/inject.ts";
import { managerCommand } from "../../../src/cli/commands/manager.ts";
import { validateCommand } from "../../../src/cli/commands/validate.ts";

describe("help", () => {
  it.each([injectCommand, validateCommand, explainCommand, managerCommand])("%o has examples", (make) => {
    let text = "";
    const command = make().configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    expect(text).toMatch(new RegExp(`Examples?:\n  oras-operator ${command.name()}`));
    // Whoever registers that name with npm would run code: I13.
    expect(text).not.toContain("npx");
  });
});

describe("the manager's options", () => {
  const parsed = (...args: string[]) => {
    const command = managerCommand();
    command.parseOptions(args);
    return command.opts();
  };

  it("have the schema's names, variables and defaults", () => {
    const known = managerCommand().options.map(({ long, envVar }) => ({ long, envVar }));
    expect(known).toEqual(optionTable.map(({ name, env }) => ({ long: `--${name}`, envVar: env })));
    expect(parsed()).toEqual(optionDefaults);
  });

  it("are numbers and truth values where the schema says so", () => {
    expect(parsed("--leader-elect", "false", "--health-port", "0")).toMatchObject({
      leaderElect: false,
      healthPort: 0,
    });
  });
});
