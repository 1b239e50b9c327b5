import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { endOf, pullerOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { makePlugin } from "../support/plugin.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const guest = { "example.org/guest": "yes" };
const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("closed", { scope: "file" }, async ({}, { onCleanup }) => {
    const closed = await workspace(
      {},
      {
        auth: { type: "htpasswd" },
        networkPolicy: { mode: "namespace", from: [{ namespaceSelector: { matchLabels: guest } }] },
      },
    );
    onCleanup(closed.remove);
    return closed;
  });

/** What a Pod of a namespace is answered by the registry of another one, without a login. */
async function asked(from: Workspace, name: string, registry: string, timeout: string) {
  const pod = await from.run(name, { registry, "input-uri": "a/b:1", timeout }, "true");
  return { code: endOf(pod, pullerOf(pod))?.exitCode, message: endOf(pod, pullerOf(pod))?.message };
}

// Where nothing enforces NetworkPolicies, as in kind before 0.24, the first of these fails.
describe.concurrent("a registry with a NetworkPolicy, seen from", () => {
  const registryOf = ({ namespace }: Workspace) => `http://oras-0.oras.${namespace}.svc.cluster.local:5000`;

  it("its own namespace is used", async ({ closed }) => {
    await closed.step("inside", { "output-uri": "a/b:1", "output-path": "out" }, "echo made > out");
    expect(await closed.content("a/b:1", "out")).toBe("made\n");
  });

  it("the operator is ready", async ({ closed }) => {
    await closed.kubectl("wait", "orascaches/oras", "--for=condition=Ready", "--timeout=60s");
  });

  it("another namespace is out of reach", async ({ closed, ws }) => {
    const { code, message } = await asked(ws, "stranger", registryOf(closed), "20s");
    expect(code).toBe(exitCodes.registryUnavailable.code);
    expect(message).toMatch(/refuses connections|does not answer connections|cannot be reached/);
    expect(message).toContain("spec.networkPolicy.from");
  });

  it("kubectl oras-cache check --network-from: another namespace is kept out", async ({ closed, ws }) => {
    const plugin = await makePlugin(closed.namespace);
    const { stdout } = await plugin.run("check", "--network-from", ws.namespace);
    expect(stdout).toMatch(/^ok +Network +a Pod of the namespace \S+ does not reach the registry of oras$/m);
    expect(await ws.kubectl("get", "pods", "-o", "name")).not.toContain("oras-check-");
  });

  it("a namespace that the spec names asks for a password", async ({ closed, onTestFinished }) => {
    const invited = await workspace(guest);
    onTestFinished(invited.remove);
    const { code, message } = await asked(invited, "guest", registryOf(closed), "60s");
    expect(code).toBe(exitCodes.denied.code);
    expect(message).toContain("401");
  });
});
