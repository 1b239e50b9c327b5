import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { names } from "../../../schema/names.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
import { cacheOf } from "../../support/builders.ts";
import { test } from "../../support/integration.ts";
import { kubectl } from "../../support/programs.ts";
import { until } from "../../support/wait.ts";

const volume = { storage: { persistentVolumeClaim: { size: "1Gi" } } };

test("kubectl warns of an OrasCache that leaves its artifacts behind, and of no other change", async ({
  plane,
  installed: _,
}) => {
  await kubectl(
    plane.kubeconfig,
    ["apply", "-f", "-"],
    await readFile("config/policies/annotations.yaml", "utf8"),
  );
  const warning = async (name: string, spec: object) =>
    (await kubectl(plane.kubeconfig, ["apply", "-f", "-"], JSON.stringify(cacheOf(name, spec)))).stderr;
  let made = 0;
  // The API server takes a moment to know a policy.
  const moved = await until(async () => {
    const name = `moves-${made++}`;
    await warning(name, { storage: { emptyDir: {} } });
    return warning(name, volume);
  }, "a warning");
  expect(moved).toContain("'oras-cache-storage'");
  expect(moved).toContain("artifacts in its emptyDir are not moved and are lost then");
  expect(await warning("new", volume)).toBe("");
  expect(await warning("new", { ...volume, drainSeconds: 5 })).toBe("");
  expect(await warning("remote", { deploy: false })).toBe("");
  expect(await warning("remote", volume)).toBe("");
});

test("the annotation export-to is refused where it is wrong, and only when it is written", async ({
  plane,
  installed,
}) => {
  const write = async (name: string, value: string | undefined, spec: object = {}) => {
    const cache = cacheOf(name, spec);
    const annotations = value === undefined ? {} : { [names.exportAnnotation]: value };
    const object = JSON.stringify({ ...cache, metadata: { ...cache.metadata, annotations } });
    return kubectl(plane.kubeconfig, ["apply", "-f", "-"], object).then(
      ({ stderr }) => stderr,
      ({ message }: Error) => message,
    );
  };
  const place = { namespace: "default", name: "wrong-before" };
  const path = pathOf(resources.orasCaches, place);
  // As one that was written before there was the policy.
  const policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/oras-cache-export";
  await installed.request({ method: "DELETE", path: policy, body: {} }).catch(() => undefined);
  await until(async () => (await write("wrong-before", "ghcr.io")) === "", "no policy");
  await kubectl(
    plane.kubeconfig,
    ["apply", "-f", "-"],
    await readFile("config/policies/annotations.yaml", "utf8"),
  );
  const refusal = await until(async () => {
    const made = pathOf(resources.orasCaches, { ...place, name: "new" });
    await installed.request({ method: "DELETE", path: made, body: {} }).catch(() => undefined);
    return (await write("new", "ghcr.io/acme")) || undefined;
  }, "a refusal");
  expect(refusal).toContain(
    `metadata.annotations[${names.exportAnnotation}] is "ghcr.io/acme"; ${names.exportAllowed}`,
  );
  for (const wrong of ["", "https://ghcr.io", "oci://", "oci://a b", "oci://http://a", "oci://ghcr.io/a:tag"])
    expect(await write("new", wrong), wrong).toContain(names.exportAllowed);
  expect(await write("remote", "oci://ghcr.io", { deploy: false })).toContain("spec.deploy is true");
  for (const right of ["oci://ghcr.io", "oci://localhost:5000/a/b", "http://oras.other.svc:5000"])
    expect(await write("right", right), right).toBe("");
  // It keeps nobody from changing the rest, nor from taking it off.
  expect(await write("wrong-before", "ghcr.io", { drainSeconds: 5 })).toBe("");
  await installed.request({
    method: "PATCH",
    path,
    contentType: "application/merge-patch+json",
    body: { metadata: { finalizers: [names.exportFinalizer] } },
  });
  expect(await write("wrong-before", "oci://ghcr.io")).toBe("");
  expect(await write("wrong-before", undefined)).toBe("");
});

test("a mistyped annotation of an OrasCache is refused when it is written, and told where it stood before", async ({
  plane,
  installed,
}) => {
  const policies = await readFile("config/policies/annotations.yaml", "utf8");
  const place = { namespace: "default", name: "typed-before" };
  const typo = `${names.prefix}export-too`;
  const binding =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/oras-cache-annotations";
  const write = (name: string, annotations: object, labels: object = {}, spec: object = {}) => {
    const cache = cacheOf(name, spec);
    const object = JSON.stringify({ ...cache, metadata: { ...cache.metadata, annotations, labels } });
    return kubectl(plane.kubeconfig, ["apply", "-f", "-"], object).then(
      ({ stderr }) => stderr,
      ({ message }: Error) => message,
    );
  };
  await installed.request({ method: "DELETE", path: binding, body: {} }).catch(() => undefined);
  await until(async () => !(await write(place.name, { [typo]: "x" })).includes("denied"), "no policy");
  await kubectl(plane.kubeconfig, ["apply", "-f", "-"], policies);
  const refusal = await until(async () => {
    const made = pathOf(resources.orasCaches, { ...place, name: "typed" });
    await installed.request({ method: "DELETE", path: made, body: {} }).catch(() => undefined);
    return (await write("typed", { [typo]: "oci://ghcr.io" })) || undefined;
  }, "a refusal");
  expect(refusal).toContain("'oras-cache-annotations'");
  expect(refusal).toContain(
    `${typo}: no such annotation of an OrasCache; known are keep, restart, rotate, forget, export-to. Correct or remove it.`,
  );
  for (const name of ["Export-To", "oras-cache", "export-to_1"])
    expect(await write("typed", { [names.prefix + name]: "x" }), name).toContain("no such annotation");
  const right = {
    ...{
      [names.keepAnnotation]: "models/**",
      [names.restartAnnotation]: "1",
      [names.rotateAnnotation]: "1",
      [names.forgetAnnotation]: "all",
    },
    ...{ [names.exportAnnotation]: "oci://ghcr.io", "example.com/keep": "x", "argocd.argoproj.io/sync": "x" },
  };
  expect(await write("right", right)).toBe("");
  expect(await write("right", right, { "app.kubernetes.io/name": "x" }, { drainSeconds: 5 })).toBe("");
  for (const key of [
    `${names.group}/export-to`,
    "oras.converged-computing.io/keep",
    "Oras.converged-computing.github.io/export-to",
    "export-to",
  ])
    expect(await write("elsewhere", { [key]: "x" }), key).toContain(
      `${key}: no effect; the prefix is ${names.prefix}.`,
    );
  expect(await write("labelled", {}, { [names.keepAnnotation]: "true" })).toContain("no effect as a label");
  // What was there before keeps nobody from changing the rest, nor from correcting it.
  const told = await write(place.name, { [typo]: "x" }, {}, { drainSeconds: 5 });
  expect(told).toContain("'oras-cache-annotations-without-effect'");
  expect(told).toContain(`${typo}: no such annotation`);
  expect(told).not.toContain("denied");
  expect(await write(place.name, { [names.exportAnnotation]: "oci://ghcr.io" })).toBe("");
});
