import { afterAll, beforeAll, expect, it } from "vitest";
import { prepare } from "../../src/injection/prepare.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { createLookup, type Lookup } from "../../src/registry/lookup.ts";
import { sentenceFor } from "../../src/registry/outcome.ts";
import { createAnswerer } from "../../src/webhook/answers.ts";
import { createPullSecretsReader, createSecretReader } from "../../src/webhook/pull-secrets.ts";
import { keyed } from "../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { letOperatorRead } from "../support/grants.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { createRequest, installation } from "../support/pods.ts";
import { somebody, startPrivateRegistry } from "../support/private-registry.ts";

let plane: ControlPlane;
let admin: KubeClient;
let operator: KubeClient;
let registry: Awaited<ReturnType<typeof startPrivateRegistry>>;
let lookup: Lookup;
let image: string;
const namespace = "default";

beforeAll(async () => {
  plane = await startControlPlane();
  admin = await adminClient(plane);
  await installOperator(admin);
  operator = await adminClient({ kubeconfig: plane.operatorKubeconfig });

  registry = await startPrivateRegistry();
  const { ca, host, file } = registry;
  image = `${host}/team/app:1`;
  file("config.json", JSON.stringify({ os: "linux", architecture: "amd64", config: { Cmd: ["serve"] } }));
  const config = "config.json:application/vnd.oci.image.config.v1+json";
  await registry.push("team/app:1", ["--config", config, "--image-spec", "v1.0"]);
  const reach = { allowedHosts: new Set([host]), clusterNetworks: () => [] };
  lookup = createLookup({ ca, reach, readSecrets: createSecretReader(operator) });

  const auths = { [`https://${host}`]: somebody };
  await post(`/api/v1/namespaces/${namespace}/secrets`, {
    metadata: { name: "pull" },
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
  });
}, 900_000);

afterAll(async () => {
  operator?.close();
  admin?.close();
  await registry?.stop();
  await plane?.stop();
});

const post = (path: string, body: object) => admin.request({ method: "POST", path, body });

it("what a private image runs is known where the operator may read the Pod's pull secret, and only there", async () => {
  const withSecrets = (...names: string[]) => lookup(image, "amd64", { namespace, names });
  expect(await withSecrets()).toEqual({ unknown: sentenceFor("notShown") });
  expect(await withSecrets("pull")).toEqual({
    unknown: `${sentenceFor("notShown")}; the operator may not read the Pod's imagePullSecrets pull`,
  });

  // What docs/private-images.md says to do.
  await letOperatorRead(admin, namespace, "pull");
  await expect
    .poll(() => withSecrets("gone", "pull"))
    .toMatchObject({ program: { entrypoint: [], cmd: ["serve"] } });
  // Another namespace's Pod does not learn it from what is remembered.
  expect(await lookup(image, "amd64", { namespace: "other", names: ["gone", "pull"] })).toEqual({
    unknown: expect.stringContaining(sentenceFor("notShown")),
  });
  expect(await withSecrets()).toEqual({ unknown: sentenceFor("notShown") });
  // A name that reads like the key of what is remembered for others.
  const forged = `${image} ${namespace} gone pull`;
  expect(await lookup(forged, "amd64")).toEqual({ unknown: expect.any(String) });
});

it("the Pods of a Job get the pull secrets of their ServiceAccount, and those are used for the Job too", async () => {
  const account = { name: "with-pull-secret" };
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: account,
    imagePullSecrets: [{ name: "pull" }],
  });
  const troubles: unknown[] = [];
  const answer = createAnswerer({
    cache: () => undefined,
    limitRanges: () => [],
    lookup,
    pullSecretsOf: createPullSecretsReader(operator, (error) => troubles.push(error)),
  });
  const answersFor = async (spec: object) => {
    const template = { spec: { containers: [{ name: "main", image }], ...spec } };
    const metadata = { annotations: keyed({ "input-uri": "a/b:c" }) };
    const request = createRequest({ kind: "Job", metadata, spec: { template } } as object, namespace);
    const prepared = prepare(request, installation);
    if (prepared.settled) throw new Error("there is nothing to ask");
    return (await answer(prepared.questions, 1_000)).images?.get(image);
  };
  const found = { program: expect.objectContaining({ cmd: ["serve"] }) };
  const notShown = { unknown: sentenceFor("notShown") };
  expect(await answersFor({ serviceAccountName: account.name })).toEqual(found);
  expect(await answersFor({ imagePullSecrets: [{ name: "pull" }] })).toEqual(found);
  // The Pod's Secrets replace those of the ServiceAccount.
  expect(
    await answersFor({ serviceAccountName: account.name, imagePullSecrets: [{ name: "gone" }] }),
  ).toEqual({ unknown: expect.stringContaining("imagePullSecrets gone") });
  expect(await answersFor({ serviceAccountName: "not-there-yet" })).toEqual(notShown);
  expect(await answersFor({})).toEqual(notShown);
  // The API server looks at names after admission only: what can be no name is not asked for.
  expect(await answersFor({ serviceAccountName: "../secrets/pull" })).toEqual(notShown);
  expect(troubles).toEqual([]);
});
