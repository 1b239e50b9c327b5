import { Command, InvalidArgumentError, Option } from "commander";
import { type ManagerOptions, optionTable } from "../../../schema/options.ts";

/** `oras-operator manager`: the operator's process, with one flag and one environment variable per option. */
export function managerCommand(): Command {
  const command = new Command("manager")
    .description("run the operator")
    .addHelpText("after", "\nExample:\n  oras-operator manager --log-level debug --leader-elect false");
  for (const { name, env, type, default: fallback, choices, description } of optionTable) {
    const option = new Option(`--${name} <${type}>`, description).env(env);
    if (fallback !== undefined) option.default(fallback);
    if (choices) option.choices([...choices]);
    if (type === "integer") option.argParser(parsePort);
    if (type === "boolean") option.choices(["true", "false"]).argParser((value) => value === "true");
    command.addOption(option);
  }
  return command.action(async (options: ManagerOptions) => {
    const stop = new AbortController();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(signal));
    // Loaded here only: the other commands answer at once without it.
    const { runManager } = await import("../../manager/run.ts");
    await runManager(options, stop.signal);
  });
}

function parsePort(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new InvalidArgumentError("allowed is a port number, 0 to 65535.");
  }
  return port;
}
