import { basename } from "node:path";
import { names } from "../../schema/names.ts";

/** What kubectl calls for `kubectl oras-cache`: in the name of a plugin's file, a dash of the command is an underscore. */
export const pluginFile = "kubectl-oras_cache";

/** Whether the program was started as kubectl's plugin. */
export const isPlugin = basename(process.argv[1] ?? "").startsWith(pluginFile);

/** The program as the person at the terminal calls it. */
export const programName = isPlugin ? "kubectl oras-cache" : names.operatorName;
