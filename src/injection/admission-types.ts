import type { V1LimitRangeItem } from "@kubernetes/client-node";
import type { Operation } from "rfc6902";
import type { OrasCache } from "../../generated/types.ts";

/** The part of admission.k8s.io/v1 AdmissionRequest that decisions are made from; objects are raw JSON. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly namespace?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly object: unknown;
  readonly oldObject?: unknown;
}

/** What the webhook answers for one request. */
export type Verdict =
  | {
      readonly kind: "allowed";
      readonly patch?: readonly Operation[];
      readonly warnings: readonly string[];
      readonly outcome: "injected" | "restored" | "skipped" | "untouched";
      /** Every discovered setting, when the author asked for it. */
      readonly debug?: object;
    }
  | {
      readonly kind: "denied";
      readonly message: string;
      readonly code: number;
      readonly warnings: readonly string[];
    };

/** What an image runs by itself, or why that is not known, in words. */
export type KnownImage =
  | { readonly program: { readonly entrypoint: readonly string[]; readonly cmd: readonly string[] } }
  | { readonly unknown: string };

/** Facts from the cluster and the installation that admission depends on. */
export interface Surroundings {
  /** The cache of that name, as the operator's watch last saw it. */
  readonly cache: (namespace: string, name: string) => OrasCache | undefined;
  /** What the LimitRanges of a namespace say, as the operator's watch last saw them. */
  readonly limitRanges?: (namespace: string) => readonly V1LimitRangeItem[];
  /** What is known of an image; of none, where nobody looked. */
  readonly image?: (image: string) => KnownImage | undefined;
  readonly clusterDomain: string;
  readonly toolsImage: string;
  /** Minor version of the API server, for fields that older ones drop. */
  readonly kubernetesMinor: number;
  /** OpenShift assigns user IDs itself and refuses fixed ones. */
  readonly openshift: boolean;
}
