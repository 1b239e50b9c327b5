import { afterAll, beforeAll, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { endOf, podOf } from "../support/builders.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

let ws: Workspace;
beforeAll(async () => {
  ws = await workspace();
});
afterAll(() => ws?.remove());

const deadlineMs = 10 * 60_000;

it(
  "a container that cannot be started (StartError): the Pod fails at the deadline for it, and nothing is pushed",
  async () => {
    const map = { "output-uri": "long/start-error:1" };
    await ws.apply(podOf("start-error", map, "true", { workingDir: "/etc/passwd" }));
    const pod = await until(
      async () => {
        const found = await ws.pod("start-error");
        return found.status?.phase === "Failed" && found;
      },
      "the Pod to fail",
      2 * deadlineMs,
    );
    expect(pod && endOf(pod, "main")?.reason).toBe("StartError");
    const end = pod && endOf(pod, names.pushContainer);
    expect(end).toMatchObject({ exitCode: exitCodes.containerMissing.code });
    expect(end?.message).toContain("did not start within 600 s");
  },
  3 * deadlineMs,
);
