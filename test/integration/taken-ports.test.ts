import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished } from "vitest";
import { test } from "../support/integration.ts";
import { asksNobody } from "../support/operator.ts";
import { freePorts } from "../support/ports.ts";
import { start } from "../support/processes.ts";

const options = ["webhook-port", "metrics-port", "health-port"] as const;

/** How a manager ends with these ports, in the order of the options. */
async function ended(kubeconfig: string, ports: readonly number[]) {
  const flags = options.flatMap((option, i) => [`--${option}`, String(ports[i])]);
  const { child, ended } = start([process.execPath, "src/cli/main.ts", "manager", ...flags, ...asksNobody], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const { code, signal, stderr } = await ended;
  return { code, signal, stderr };
}

const sentence = (option: string, port: number) =>
  `Another program, or another option of this one, has taken port ${port} of --${option}. End that program, or give another port: --${option}, or the variable ORAS_OPERATOR_${option.replaceAll("-", "_").toUpperCase()}.\n`;

test.for(options)(
  "a manager whose %s is taken ends with a sentence",
  async (taken, { plane, installed: _ }) => {
    const ports = await freePorts(options.length);
    const port = ports[options.indexOf(taken)] ?? 0;
    const holder = createServer().listen(port, "::");
    onTestFinished(() => void holder.close());
    await once(holder, "listening");
    expect(await ended(plane.operatorKubeconfig, ports)).toEqual({
      ...{ code: 1, signal: null, stderr: sentence(taken, port) },
    });
  },
);

test("so does one of which two options have the same port", async ({ plane, installed: _ }) => {
  const [port = 0, other = 0] = await freePorts(2);
  expect(await ended(plane.operatorKubeconfig, [port, other, port])).toEqual({
    ...{ code: 1, signal: null, stderr: sentence("webhook-port", port) },
  });
});
