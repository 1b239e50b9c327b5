// Writes the commands of this checkout beside the bundled program: node dev/commands.ts FOLDER
import { nodeOfCheckout, writeCommands } from "./release/commands.ts";

const [, , folder = "dist"] = process.argv;
await writeCommands(folder, nodeOfCheckout);
