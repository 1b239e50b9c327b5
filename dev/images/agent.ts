import { join } from "node:path";
import { requireGo } from "../cluster/binaries.ts";
import { run } from "../cluster/command.ts";
import { repository } from "../cluster/paths.ts";

/** Folder of the agent's Go module. */
export const agentFolder = join(repository, "agent");

/** Environment in which Go builds and tests the agent: static, and as its go.mod says. */
export const goEnvironment = { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" } as const;

/**
 * Compiles the agent; the same source makes the same bytes.
 *
 * @param program - file to write
 * @param architecture - as Go names it; this machine's when absent
 */
export async function buildAgent(program: string, architecture?: string): Promise<void> {
  await requireGo();
  // The Dockerfile compiles with the same options.
  const options = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];
  await run(["go", "build", ...options, "-o", program, "."], {
    cwd: agentFolder,
    env: { ...goEnvironment, ...(architecture && { GOARCH: architecture }) },
  });
}
