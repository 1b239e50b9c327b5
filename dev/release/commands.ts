// The files by which somebody calls the bundled program: oras-operator, and kubectl-oras_cache for `kubectl oras-cache`.
import { chmod, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { names } from "../../schema/names.ts";

const program = names.operatorName;
const pluginFile = "kubectl-oras_cache";

/** The Node of this checkout where it is installed, else that of the `PATH`. */
export const nodeOfCheckout = '"$here/../node_modules/.bin/node"';

/**
 * Writes both commands beside the program, as files that need no ending.
 *
 * @param folder - with `oras-operator.js`
 * @param node - Node as a word of the shell, in which `$here` is the folder; where there is no such file, Node of the `PATH` is taken
 */
export async function writeCommands(folder: string, node: string): Promise<void> {
  // Node does not learn the name of the script, and the program has to: its messages name commands.
  const script = `#!/bin/sh
called=${program}.js
case "\${0##*/}" in ${pluginFile}*) called=${pluginFile}.mjs ;; esac
here="$(dirname "$(readlink -f "$0")")"
node=${node}
[ -x "$node" ] || node=node
exec "$node" "$here/$called" "$@"
`;
  const file = join(folder, program);
  await writeFile(file, script);
  await chmod(file, 0o755);
  await link(program, join(folder, pluginFile));
  // Not .js, which is what goes into the operator's image.
  await link(`${program}.js`, join(folder, `${pluginFile}.mjs`));
}

async function link(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
