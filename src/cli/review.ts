import { names } from "../../schema/names.ts";
import { optionDefaults } from "../../schema/options.ts";
import type { Warning } from "../annotations/warning.ts";
import { loginOfStep } from "../cache/access.ts";
import { nodeUrl } from "../cache/nodes.ts";
import type { OrasCache } from "../cache/types.ts";
import type { Installation, Verdict } from "../injection/admission-types.ts";
import { decide } from "../injection/decide.ts";
import { type Kept, type Open, prepare } from "../injection/prepare.ts";
import { asSubmitted } from "./manifests/submitted.ts";
import type { OfflineSettings } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";

/** What the webhook would be asked to create. */
export interface Created {
  readonly kind: string;
  readonly namespace: string;
  readonly value: object;
}

const unknownLogin = Symbol();

/** The Secret with the login of a cache. The operator makes its name from a secret key; a status has it. */
function loginIn(cache: OrasCache | undefined): string | typeof unknownLogin | undefined {
  const name = loginOfStep(cache, optionDefaults.registryAuth, () => cache?.status?.credentialsSecret ?? "");
  return name === "" ? unknownLogin : name;
}

/** The same by which nodes pull. The status of a cache may be older than the nodeAddress that is written in its file. */
function nodeLoginIn(cache: OrasCache | undefined): string | typeof unknownLogin | undefined {
  const { nodeAddress } = cache?.spec ?? {};
  if (cache === undefined || nodeAddress === undefined) return undefined;
  const name = loginIn(cache);
  const isOfBefore = cache.status?.nodeUrl !== nodeUrl({ nodeAddress }).nodeUrl;
  return name !== undefined && isOfBefore ? unknownLogin : name;
}

/** It is for a cluster that has volumes of inputs, where the step needs them. */
function forVolumes(prepared: Open | Kept): Open | Kept {
  if ("verdictOf" in prepared || prepared.reading.settings.inputAs === undefined) return prepared;
  const { installation } = prepared;
  const kubernetesMinor = Math.max(installation.kubernetesMinor, names.imageVolumesMinor);
  return { ...prepared, installation: { ...installation, kubernetesMinor } };
}

/**
 * Answers for a Pod or Job what the webhook would answer for its creation, from what manifests say.
 *
 * @param created - any object; other kinds than Pod and Job are untouched
 * @param around - what else the manifests say
 * @param settings - of the installation that would inject
 */
export function reviewOffline(created: Created, around: Surroundings, settings: OfflineSettings): Verdict {
  const { podShape, ...known } = settings;
  // A cluster that can run every shape; else nothing is used that the oldest supported version would drop.
  const hookShape = podShape === "auto";
  const installation: Installation = {
    ...known,
    kubernetesMinor: hookShape ? names.hookShapeMinor : names.minimumKubernetesMinor,
    openshift: false,
    workflow: true,
  };
  const prepared = prepare(
    {
      uid: "offline",
      kind: { group: created.kind === "Job" ? "batch" : "", version: "v1", kind: created.kind },
      operation: "CREATE",
      namespace: created.namespace,
      object: asSubmitted(created.value),
    },
    installation,
  );
  if (prepared.settled) return prepared.settled;
  const asked = prepared.questions.cache;
  const cache = asked === undefined ? undefined : around.cache(created.namespace, asked);
  const login = asked === undefined ? undefined : loginIn(cache);
  const nodeLogin = nodeLoginIn(cache);
  const verdict = decide(forVolumes(prepared), {
    cache,
    cachesIn: around.cachesIn,
    ...(nodeLogin === unknownLogin ? { nodeLoginUnknown: true } : { nodeLogin }),
    ...(login === unknownLogin ? { loginUnknown: true } : { cacheLogin: login }),
    limitRanges: around.limitRanges(created.namespace),
    hookShape,
  });
  return { ...verdict, warnings: verdict.warnings.map(inFiles) };

  /** No cluster was asked, so that only the files are known. */
  function inFiles(warning: Warning): Warning {
    if (warning.code !== "CacheNotFound") return warning;
    const message = `found no ${names.kind} "${asked}" for the namespace "${created.namespace}" in these files; one with the default spec is assumed. If yours has another, name its file with -f, too.`;
    return { ...warning, message };
  }
}
