import { randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import { registryPod } from "../../src/cache/registry-pod.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import { childFacts, storedCache } from "./cache.ts";
import { temporaryFolder } from "./folders.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";
import { until } from "./wait.ts";

/** The keys of a bucket's user. As YAML they would be numbers, and other ones. */
export const s3Keys = { accessKey: "0123456789", secretKey: "0x12e10" } as const;

/** A real server of S3, with TLS and a CA of its own. */
export interface TestS3 {
  readonly endpoint: string;
  readonly bucket: string;
  /** Where the objects of the bucket are files. */
  readonly objects: string;
  /** A folder with the CA, in the file ca.crt. */
  readonly ca: string;
  readonly stop: () => Promise<void>;
  /** Starts it again where it was. */
  readonly restart: () => Promise<void>;
}

const bucket = "artifacts";

/** Starts versitygw on a free loopback port, with one empty bucket. */
export async function startS3(): Promise<TestS3> {
  const program = join(await buildModule("versitygw"), "versitygw");
  const [folder, ca, tls] = ["s3", "s3-ca", "s3-tls"].map(temporaryFolder) as [string, string, string];
  const now = new Date();
  const signer = await issueCa("object storage", 1, now);
  const server = await issueServer(signer, ["localhost"], 1, now);
  writeFileSync(join(ca, "ca.crt"), signer.certificate);
  writeFileSync(join(tls, "tls.crt"), server.certificate);
  writeFileSync(join(tls, "tls.key"), server.key);
  for (const each of ["data", "metadata", join("data", bucket)]) mkdirSync(join(folder, each));
  const port = await freePort();
  const run = async () => {
    const running = start(
      [
        program,
        ...["--port", `127.0.0.1:${port}`, "--cert", join(tls, "tls.crt"), "--key", join(tls, "tls.key")],
        // Not every file system has the attributes that it would keep beside each file.
        ...["posix", "--sidecar", join(folder, "metadata"), join(folder, "data")],
      ],
      { env: { ROOT_ACCESS_KEY: s3Keys.accessKey, ROOT_SECRET_KEY: s3Keys.secretKey } },
    );
    await running.said("listening on");
    return running;
  };
  let running = await run();
  return {
    endpoint: `https://localhost:${port}`,
    bucket,
    objects: join(folder, "data", bucket),
    ca,
    stop: async () => {
      running.child.kill("SIGKILL");
      await running.ended;
    },
    restart: async () => {
      running = await run();
    },
  };
}

/**
 * The environment of a registry's container as the operator writes it for a cache with storage in S3; what it refers to is
 * where the kubelet would have it.
 *
 * @param s3 - the server
 */
export function s3Environment(s3: TestS3): Record<string, string> {
  const all = Object.entries(environmentOf(s3, podOf(s3)?.containers[0]));
  // Several registries of one machine cannot all have the port of a Pod.
  return Object.fromEntries(all.filter(([name]) => !name.startsWith("REGISTRY_HTTP_DEBUG_")));
}

/**
 * Starts a keeper as the operator writes it for such a cache, on an address of its own.
 *
 * @param agent - the program
 * @param s3 - the server
 * @param owner - the cache's key, and whose the folder has to be
 * @returns its address and how to stop it
 */
export async function startS3Keeper(
  agent: string,
  s3: TestS3,
  owner: { readonly key: string; readonly installation: string },
) {
  const container = podOf(s3)?.containers.find(({ name }) => name === names.keeperContainer);
  const keys = temporaryFolder("key");
  writeFileSync(join(keys, "key"), owner.key);
  const address = `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`;
  const keeper = start(
    [
      ...[agent, "keep", ...(container?.args ?? []).filter((arg) => !/^--(key|installation)=/.test(arg))],
      ...[`--key=${keys}`, `--installation=${owner.installation}`],
      ...[`--listen=${address}:${names.keeperPort}`, `--metrics=${address}:${names.registryMetricsPort}`],
    ],
    { env: environmentOf(s3, container) },
  );
  await until(async () => (await fetch(`http://${address}:${names.keeperPort}/healthz`)).ok, "the keeper");
  return {
    address,
    stop: async () => {
      keeper.child.kill("SIGTERM");
      await keeper.ended;
    },
  };
}

/** Whose the registries of these tests are. */
export const s3Owner = "work/oras";

function podOf({ endpoint }: TestS3): V1PodSpec | undefined {
  const cache = storedCache({
    replicas: 2,
    storage: {
      s3: {
        ...{
          endpoint,
          bucket,
          region: "us-east-1",
          forcePathStyle: true,
          redirect: false,
          onDelete: "Retain",
        },
        ...{ secretRef: { name: "login" }, caSecretRef: { name: "ca", key: "ca.crt" } },
      },
    },
  });
  return registryPod(cache, childFacts()).spec;
}

function environmentOf({ ca }: TestS3, container: V1Container | undefined): Record<string, string> {
  const secrets: Readonly<Record<string, string>> = { ...s3Keys, httpSecret: "shared by the replicas" };
  return Object.fromEntries(
    (container?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      (value ?? secrets[valueFrom?.secretKeyRef?.key ?? ""] ?? "").replace(names.registryS3CaPath, ca),
    ]),
  );
}
