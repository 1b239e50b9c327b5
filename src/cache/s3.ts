import type { V1EnvVar, V1Pod, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import type { agentOptions } from "../../schema/agent-options.ts";
import { names } from "../../schema/names.ts";
import { identityOf } from "./owner.ts";
import { registryIn } from "./pods.ts";
import type { OrasCache, StoredOrasCache } from "./types.ts";

/** A bucket and the folder of it in which a registry keeps its artifacts. */
export type S3Spec = NonNullable<NonNullable<StoredOrasCache["spec"]["storage"]>["s3"]>;

/** What a registry's Pod has for a bucket. */
export interface S3Parts {
  readonly env: readonly V1EnvVar[];
  readonly volumeMounts: readonly V1VolumeMount[];
  readonly volumes: readonly V1Volume[];
}

/** What the keeper of a registry has for a bucket. */
export interface S3KeeperParts extends Omit<S3Parts, "volumes"> {
  readonly options: readonly (readonly [keyof typeof agentOptions, value?: string | undefined])[];
}

const storage = names.registryStorageVariable;
const caFile = "ca.crt";

/**
 * What makes a registry keep its artifacts in S3. There is no data volume.
 *
 * Distribution reads the values of its variables as YAML: a bucket called 1e3 would be 1000, so texts are quoted. The
 * contents of a Secret cannot be; the AWS library takes them from variables of its own as they are.
 *
 * @param s3 - of the spec
 * @param prefix - see prefixOf
 */
export function s3Parts(s3: S3Spec, prefix: string): S3Parts {
  const { caSecretRef } = s3;
  const access = accessOf(s3);
  const text = (name: string, value: string): V1EnvVar => ({
    name: `${storage}_S3_${name}`,
    value: JSON.stringify(value),
  });
  return {
    env: [
      { name: storage, value: "s3" },
      text("REGIONENDPOINT", s3.endpoint),
      text("BUCKET", s3.bucket),
      text("REGION", s3.region),
      text("ROOTDIRECTORY", `/${prefix}`),
      { name: `${storage}_S3_FORCEPATHSTYLE`, value: String(s3.forcePathStyle) },
      // Redirecting is what distribution does by itself; Pods mostly reach no object storage, nor trust its certificate.
      { name: `${storage}_REDIRECT_DISABLE`, value: String(!s3.redirect) },
      // "/" answers 503 while S3 does not, instead of taking pushes that fail.
      { name: "REGISTRY_HEALTH_STORAGEDRIVER_ENABLED", value: "true" },
      ...access.env,
    ],
    volumeMounts: access.volumeMounts,
    volumes: caSecretRef
      ? [
          {
            name: names.registryS3CaVolume,
            secret: { secretName: caSecretRef.name, items: [{ key: caSecretRef.key, path: caFile }] },
          },
        ]
      : [],
  };
}

/** With what S3 is asked: the keys, and whom to trust. The kubelet reads the Secrets, the operator does not. */
function accessOf({ secretRef, caSecretRef }: S3Spec): Pick<S3Parts, "env" | "volumeMounts"> {
  const fromSecret = (name: string, key: string): V1EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: secretRef.name, key } },
  });
  return {
    env: [
      fromSecret("AWS_ACCESS_KEY_ID", "accessKey"),
      fromSecret("AWS_SECRET_ACCESS_KEY", "secretKey"),
      // Beside the CAs of the image: Go reads each folder.
      ...(caSecretRef ? [{ name: "SSL_CERT_DIR", value: `/etc/ssl/certs:${names.registryS3CaPath}` }] : []),
    ],
    volumeMounts: caSecretRef
      ? [{ name: names.registryS3CaVolume, mountPath: names.registryS3CaPath, readOnly: true }]
      : [],
  };
}

/**
 * What makes the keeper look after a folder of a bucket, with the keys of the registry.
 *
 * @param cache - whose
 * @param s3 - its spec
 * @param installation - whose the folder has to be, see installationId
 */
export function s3KeeperParts(cache: StoredOrasCache, s3: S3Spec, installation: string): S3KeeperParts {
  const { namespace, name } = identityOf(cache);
  return {
    ...accessOf(s3),
    options: [
      ["s3-endpoint", s3.endpoint],
      ["s3-bucket", s3.bucket],
      ["s3-region", s3.region],
      ["s3-folder", prefixOf(cache, s3)],
      ...(s3.forcePathStyle ? [] : ([["s3-virtual-host"]] as const)),
      ["installation", installation],
      ["cache", `${namespace}/${name}`],
    ].map(([option, value]) => [option as keyof typeof agentOptions, value]),
  };
}

/**
 * The folder of the bucket in which a cache keeps everything.
 *
 * @param cache - with storage in S3
 * @param s3 - its spec
 */
export function prefixOf(cache: StoredOrasCache, { prefix }: S3Spec): string {
  const { namespace, name } = cache.metadata ?? {};
  return prefix ?? `${namespace}/${name}`;
}

/**
 * Where a cache keeps its artifacts, as a URL without a query.
 *
 * @param cache - any
 * @returns undefined where that is not S3
 */
export function s3Location(cache: StoredOrasCache): string | undefined {
  const { spec } = cache;
  const s3 = spec.deploy ? spec.storage?.s3 : undefined;
  if (s3 === undefined) return undefined;
  return `${originOf(s3.endpoint)}/${s3.bucket}/${prefixOf(cache, s3)}`;
}

/**
 * An endpoint with its host in lower case and without a scheme's own port. One whose host ends in a number and is no address,
 * such as `https://s3.1`, is no URL at all (https://url.spec.whatwg.org/#host-parsing). It is whoever wrote it who has to
 * learn that, from the registry: all caches are compared with each other, and the others must not fail with it.
 */
function originOf(endpoint: string): string {
  return URL.parse(endpoint)?.origin ?? endpoint.toLowerCase();
}

/**
 * The CA that whoever pulls has to trust besides: that of the object storage to which a registry redirects.
 *
 * @param spec - of a cache
 * @returns undefined where it does not redirect, or to one that everybody trusts
 */
export function redirectCa(
  spec: OrasCache["spec"],
): { readonly secret: string; readonly key: string } | undefined {
  const { redirect, caSecretRef } = spec?.storage?.s3 ?? {};
  if (!redirect || caSecretRef === undefined) return undefined;
  return { secret: caSecretRef.name, key: caSecretRef.key ?? caFile };
}

/** Whether a registry's Pod was made to keep its artifacts in S3, by the operator and not by variables of the author's. */
export function isOnS3({ spec }: V1Pod): boolean {
  const variables = registryIn(spec)?.env ?? [];
  const isS3 = variables.some(({ name, value }) => name === storage && value === "s3");
  return isS3 && !spec?.volumes?.some(({ name }) => name === names.registryDataVolume);
}
