import type { Logger } from "pino";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { Memos } from "../memo/memos.ts";
import type { Held } from "./gate-writes.ts";
import type { KeysSettings } from "./memo-keys.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowSteps } from "./workflow-steps.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** What memoizing steps needs. */
export interface MemoSettings extends KeysSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly memos: Memos;
  readonly caches: { readonly store: Pick<ReadonlyMap<string, StoredOrasCache>, "get"> };
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  /** Of the cluster. */
  readonly minor: number;
  /** How long this replica leads at least, in milliseconds. */
  readonly leftMs: () => number;
}

/** What is to be done with a step whose gate would open. */
export type MemoOutcome =
  /**
   * It runs. With a key, its result is remembered. Where some of its indexes have theirs: as it is then, whose they are, and what they
   * were made of, where that is known of before.
   */
  | {
      readonly kind: "open";
      readonly key?: string;
      readonly held?: Held;
      readonly from?: string;
      readonly pins?: readonly string[];
    }
  /** It is looked at again. */
  | { readonly kind: "held"; readonly againInMs: number }
  /** It has its result. */
  | { readonly kind: "ended" };
