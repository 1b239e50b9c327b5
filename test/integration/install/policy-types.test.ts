import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildModule } from "../../../dev/cluster/binaries.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { minor } from "../../support/kubernetes-version.ts";
import { startStolenToken } from "../../support/stolen-token.ts";
import { until } from "../../support/wait.ts";

interface Policy extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly typeChecking?: { readonly expressionWarnings?: readonly object[] };
  };
}

// The controller manager is there in the cluster's version alone.
test.skipIf(minor !== 36)("the types of all expressions are right", { timeout: 900_000 }, async () => {
  const { plane, admin, stop } = await startStolenToken();
  const manager = spawn(
    join(await buildModule("kubernetes", ["kube-controller-manager"]), "kube-controller-manager"),
    [
      `--kubeconfig=${plane.kubeconfig}`,
      "--controllers=validatingadmissionpolicy-status-controller",
      "--leader-elect=false",
      "--secure-port=0",
    ],
    { stdio: "ignore" },
  );
  onTestFinished(async () => {
    manager.kill("SIGKILL");
    await stop();
  });
  const path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  const read = async () => (await admin.request<{ items: Policy[] }>({ path })).items;
  await until(
    async () => (await read()).every(({ status }) => status?.observedGeneration !== undefined),
    "the types to be checked",
  );
  const warnings = (await read()).flatMap(({ metadata, status }) =>
    (status?.typeChecking?.expressionWarnings ?? []).map((warning) => ({ name: metadata?.name, ...warning })),
  );
  expect(warnings).toEqual([]);
});
