import type { V1LimitRange } from "@kubernetes/client-node";
import type { Operation } from "rfc6902";
import type { Problem } from "../annotations/problems.ts";
import type { Warning } from "../annotations/warning.ts";
import type { CachesIn } from "../cache/cache-at.ts";
import type { OrasCache } from "../cache/types.ts";

/** The part of admission.k8s.io/v1 AdmissionRequest that decisions are made from; objects are raw JSON. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly namespace?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly userInfo?: { readonly username?: string };
  readonly object: unknown;
  readonly oldObject?: unknown;
}

/** What is the same for every request of an installation. */
export interface Installation {
  readonly clusterDomain: string;
  /** Image of the added containers. */
  readonly agentImage: string;
  /** Image of the added container that runs a script of the author's own. */
  readonly scriptsImage: string;
  /** Minor version of the API server, for fields that older ones drop. */
  readonly kubernetesMinor: number;
  /** The `sizeLimit` of the share, where a step does not say it. */
  readonly shareSizeLimit?: string | undefined;
  /** By which the added containers reach what is not in the cluster. */
  readonly proxies?: Proxies | undefined;
  /** Whether steps that wait for their inputs are held until these are there; otherwise they wait inside their Pods. */
  readonly workflow: boolean;
  /** OpenShift assigns user IDs itself and refuses fixed ones. */
  readonly openshift: boolean;
}

/** URLs of proxies, and what is reached without one; each as its variable has it. */
export interface Proxies {
  readonly HTTP_PROXY?: string | undefined;
  readonly HTTPS_PROXY?: string | undefined;
  readonly NO_PROXY?: string | undefined;
}

/** What must be known beside a request before it is decided. */
export interface Questions {
  /** The namespace whose LimitRanges count, and in which all the rest is. */
  readonly namespace: string;
  /** Name of the OrasCache that the step uses; undefined where it names a registry. */
  readonly cache: string | undefined;
  /** The images of which it must be known what they run, each once; nearly always none. */
  readonly images: readonly string[];
  /** For which architecture, in Go's words, such as `amd64`. */
  readonly architecture: string;
  /** Names of Secrets with the Pod's logins to the images' registries. */
  readonly pullSecrets: readonly string[];
  /** The ServiceAccount whose imagePullSecrets the Pods will get, where they are not in the Pod yet. */
  readonly serviceAccount: string | undefined;
}

/** The answers to questions. What could not be answered is absent. */
export interface Answers {
  /** The OrasCache, if it exists. */
  readonly cache?: OrasCache | undefined;
  /** Which OrasCaches there are, for registries that are written by a host; absent where the step's own alone is known. */
  readonly cachesIn?: CachesIn;
  /** Name of the Secret with the login of the cache; undefined where its registry asks for none. */
  readonly cacheLogin?: string | undefined;
  /** The same of the Secret by which nodes pull from it, where spec.nodeAddress is set. */
  readonly nodeLogin?: string | undefined;
  /** Whether its registry asks for a password and the name is not known, because no operator was asked. */
  readonly loginUnknown?: boolean;
  /** The same of the Secret by which nodes pull from it. */
  readonly nodeLoginUnknown?: boolean;
  /** The LimitRanges of the namespace. */
  readonly limitRanges?: readonly V1LimitRange[];
  /**
   * Whether the cluster can run Pods without an init container, and the installation wants them: the API server and the
   * kubelet of every Linux node know what their barriers are made of.
   */
  readonly hookShape?: boolean;
  /** What is known of the images that were asked about. */
  readonly images?: ReadonlyMap<string, KnownImage>;
}

/** What an image runs by itself, or why that is not known, in words. */
export type KnownImage =
  | {
      readonly program: {
        readonly entrypoint: readonly string[];
        readonly cmd: readonly string[];
        /** Empty when the image names none: `/` then. */
        readonly workingDir?: string;
        /** As the image writes it, name or number; empty when it names none: root then. */
        readonly user?: string;
      };
    }
  | { readonly unknown: string };

/** What the webhook answers for one request. */
export type Verdict =
  | {
      readonly kind: "allowed";
      readonly patch?: readonly Operation[];
      readonly warnings: readonly Warning[];
      readonly outcome: "injected" | "labelled" | "restored" | "stripped" | "moved" | "skipped" | "untouched";
      /** Every discovered setting, when the author asked for it. */
      readonly debug?: object;
    }
  | {
      readonly kind: "denied";
      /** All problems as one text. */
      readonly message: string;
      /** The problems, where an object was looked at. */
      readonly problems?: readonly Problem[];
      readonly code: number;
      readonly warnings: readonly Warning[];
    };
