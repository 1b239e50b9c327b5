import type { V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import type { agentOptions } from "../../schema/agent-options.ts";
import { names } from "../../schema/names.ts";
import { parseRegistry } from "../annotations/reference.ts";
import { cacheAt } from "./cache-at.ts";
import type { Verdict } from "./conditions.ts";
import { staysInside } from "./connection.ts";
import type { CacheInstallation } from "./facts.ts";
import { identityOf } from "./owner.ts";
import { hasKeeper } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";
import type { MirrorReport, Usage } from "./usage.ts";

/** What a keeper has that copies artifacts to another registry. */
export interface MirrorParts {
  readonly options: readonly [keyof typeof agentOptions, string][];
  readonly volumeMounts: readonly V1VolumeMount[];
  readonly volumes: readonly V1Volume[];
}

const none: MirrorParts = { options: [], volumeMounts: [], volumes: [] };

/**
 * What makes the keeper copy artifacts. It reads them from the volume, and the Secret from a volume, too: the operator reads
 * neither. Without the Secret the registry starts all the same.
 *
 * @param cache - whose
 * @param facts - of the installation
 */
export function mirrorParts(
  cache: StoredOrasCache,
  facts: Pick<CacheInstallation, "clusterDomain">,
): MirrorParts {
  const { mirrorTo } = cache.spec;
  if (mirrorTo === undefined || !hasKeeper(cache) || isItself(cache, mirrorTo.registry, facts)) return none;
  const { registry, repositories, secretRef } = mirrorTo;
  const to = parseRegistry(registry);
  const isPlain = secretRef !== undefined && to.plainHttp && staysInside(to, facts.clusterDomain);
  return {
    options: [
      ["mirror-to", registry],
      ...repositories.map((glob) => ["mirror-repository", glob] as const),
      ...(secretRef === undefined ? [] : [["mirror-credentials", names.mirrorPath] as const]),
      ...(isPlain ? [["plain-login-host", to.host] as const] : []),
    ].map(([name, value]) => [name as keyof typeof agentOptions, value]),
    volumeMounts:
      secretRef === undefined
        ? []
        : [{ name: names.mirrorVolume, mountPath: names.mirrorPath, readOnly: true }],
    volumes:
      secretRef === undefined
        ? []
        : [
            {
              name: names.mirrorVolume,
              secret: { secretName: secretRef.name, optional: true, defaultMode: 0o440 },
            },
          ],
  };
}

/**
 * Whether another registry is this one: what is copied there would be copied again, under a longer name each time.
 *
 * @param cache - whose registry
 * @param registry - the other one
 * @param facts - of the installation
 */
export function isItself(
  cache: StoredOrasCache,
  registry: string,
  { clusterDomain }: Pick<CacheInstallation, "clusterDomain">,
): boolean {
  const { name, namespace } = identityOf(cache);
  const found = cacheAt(parseRegistry(registry), { namespace, clusterDomain }, (of) =>
    of === namespace ? [cache] : [],
  );
  return found?.name === name && found.namespace === namespace;
}

/** An artifact that waits for longer is told of. */
const behindMs = 300_000;

/**
 * What a status says of the other registry; undefined where nothing is to be copied.
 *
 * @param cache - as stored
 * @param about - what the keeper said lately, what was said before, and the present
 */
export function mirrorVerdict(
  cache: StoredOrasCache,
  about: {
    readonly usage: Usage | undefined;
    readonly before: Verdict | undefined;
    readonly installation: Pick<CacheInstallation, "clusterDomain">;
    readonly time: string;
  },
): Verdict | undefined {
  const { mirrorTo } = cache.spec;
  if (mirrorTo === undefined) return undefined;
  const { registry } = mirrorTo;
  if (isItself(cache, registry, about.installation))
    return failed(
      `spec.mirrorTo.registry ${registry} is the registry of this ${names.kind}. Name another one.`,
    );
  if (!hasKeeper(cache))
    return failed(
      "Variables of secrets.orasEnv or env may choose where the artifacts are, so no keeper copies them. Set spec.storage.",
    );
  if (about.usage === undefined)
    return about.before ?? notYet("The registry's keeper has not said yet what it has copied.");
  const { mirror } = about.usage;
  if (mirror?.to !== registry)
    return notYet(
      `It takes effect when the registry's Pod is replaced, which copies to ${mirror?.to ?? "no registry"}.`,
    );
  return reported(registry, mirror, about.time);
}

function reported(registry: string, mirror: MirrorReport, time: string): Verdict {
  const { trouble, refused, samples, listed, oldest } = mirror;
  const waits = oldest === undefined ? "" : ` Artifacts wait since ${oldest}.`;
  if (trouble !== undefined) return failed(`Nothing is copied to ${registry}: ${trouble}.${waits}`);
  if (refused > 0) {
    const more = refused > samples.length ? `, and ${refused - samples.length} more` : "";
    const which = samples.map(({ artifact, error }) => `${artifact}: ${error}`).join("; ");
    return failed(`Not copied to ${registry}: ${which}${more}.${waits}`);
  }
  if (!listed) return notYet(`What ${registry} has is being compared.`);
  if (oldest !== undefined && Date.parse(time) - Date.parse(oldest) > behindMs)
    return {
      status: "False",
      reason: "MirrorBehind",
      message: `Artifacts wait since ${oldest} to be copied to ${registry}.`,
    };
  return {
    status: "True",
    reason: "Mirrored",
    message: `${registry} has the artifacts of spec.mirrorTo.repositories.`,
  };
}

function failed(message: string): Verdict {
  return { status: "False", reason: "MirrorFailed", message };
}

function notYet(message: string): Verdict {
  return { status: "Unknown", reason: "NotMirrored", message };
}
