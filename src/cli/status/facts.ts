import type { V1Job, V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import type { OrasCache } from "../../cache/types.ts";
import type { Room } from "../../cache/usage.ts";
import type { Holder } from "../../lineage/graph.ts";

/** An Event, as far as a page shows it. */
export interface ShownEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  /** Kind and name of what it is about. */
  readonly about: string;
  /** RFC 3339; when it was seen last. */
  readonly at: string;
}

/** What a graph of the namespace tells of a step that waits. */
export interface Before {
  /** That its OrasCache is not there, as a sentence. */
  readonly noCache?: string | undefined;
  /** What holds it in the end, and as a sentence. */
  readonly heldBy?: (Holder & { readonly text: string }) | undefined;
  /** Ids of steps that have failed for the sake of the one that holds it, and have to run again as well. */
  readonly failedBetween: readonly string[];
  /** Steps of a circle that it is in. */
  readonly isInCycle: boolean;
  /** Ids of the steps that may still make its inputs. */
  readonly makers: readonly string[];
}

/** What was read for a page. */
export interface Facts {
  readonly namespace: string;
  /** Name of the cache, also of one that is not there. */
  readonly cacheName: string;
  readonly cache: OrasCache | undefined;
  readonly job?: V1Job | undefined;
  readonly statefulSet?: V1StatefulSet | undefined;
  readonly claim?: V1PersistentVolumeClaim | undefined;
  /** Of the cache's registry, or of the step; the newest first. */
  readonly pods: readonly V1Pod[];
  /** Last lines of the containers of the operator's that run, by Pod and container. */
  readonly said: ReadonlyMap<string, string>;
  /** The newest first. */
  readonly events: readonly ShownEvent[];
  /** How full the volume is, as the keeper of the cache says; undefined where it was not asked, or does not answer. */
  readonly room?: Room | undefined;
  /** Why the keeper of the cache does not answer, as a clause; undefined where it does, or was not asked. */
  readonly keeperFails?: string | undefined;
  /** How long no operator has renewed its Lease, in words; undefined while one does, and where that cannot be seen. */
  readonly operatorSilent?: string | undefined;
  /** Of a step that waits for its inputs: what is before it; undefined where that cannot be seen. */
  readonly before?: Before | undefined;
  /** What could not be read, in words. */
  readonly unread: readonly string[];
}

/** What a page is about. */
export type Subject =
  | { readonly kind: "cache"; readonly name: string | undefined }
  | { readonly kind: "job" | "pod"; readonly name: string };
