import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import { registryPod } from "../../src/cache/registry-pod.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import { childFacts, storedCache } from "./cache.ts";
import { temporaryFolder } from "./folders.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

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
export function s3Environment({ endpoint, ca }: TestS3): Record<string, string> {
  const cache = storedCache({
    replicas: 2,
    storage: {
      s3: {
        ...{ endpoint, bucket, region: "us-east-1", forcePathStyle: true, redirect: false },
        ...{ secretRef: { name: "login" }, caSecretRef: { name: "ca", key: "ca.crt" } },
      },
    },
  });
  const secrets: Readonly<Record<string, string>> = { ...s3Keys, httpSecret: "shared by the replicas" };
  const container = registryPod(cache, childFacts()).spec?.containers[0];
  return Object.fromEntries(
    (container?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      (value ?? secrets[valueFrom?.secretKeyRef?.key ?? ""] ?? "").replace(names.registryS3CaPath, ca),
    ]),
  );
}
