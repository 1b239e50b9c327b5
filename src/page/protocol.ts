import type { StepNode } from "../lineage/graph.ts";
import type { Edge } from "../lineage/layout.ts";

/** A step as the page shows it. */
export interface PageStep extends Omit<StepNode, "stem" | "pushed"> {
  /** RFC 3339. */
  readonly createdAt?: string | undefined;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
}

/** An artifact as the page shows it. */
export interface PageArtifact {
  readonly id: string;
  readonly reference: string;
  readonly digest?: string | undefined;
  /** Ids of steps. */
  readonly madeBy: readonly string[];
  readonly usedBy: readonly string[];
  /** Of those that push it only if they fail. */
  readonly leftBy?: readonly string[] | undefined;
}

/** A node that is drawn: one step or artifact, or several that are alike. */
export interface PageNode {
  readonly type: "steps" | "artifacts";
  readonly label: string;
  /** Places in the list of steps, or of artifacts. */
  readonly members: readonly number[];
  /** Left upper corner, in CSS pixels at zoom 1, where the data goes to the right, and where it goes down. */
  readonly right: { readonly x: number; readonly y: number };
  readonly down: { readonly x: number; readonly y: number };
}

/** Which way the data goes in the graph: the one by which it is seen larger. */
export type Way = "right" | "down";

/** Everything that is drawn of a namespace. */
export interface Drawing {
  readonly namespace: string;
  /** The run to whose steps it is limited, and the command that shows these again. */
  readonly only?: { readonly run: string; readonly command: string } | undefined;
  readonly steps: readonly PageStep[];
  readonly artifacts: readonly PageArtifact[];
  readonly nodes: readonly PageNode[];
  readonly edges: readonly Edge[];
  /** Ids of steps that wait for each other. */
  readonly cycles: readonly (readonly string[])[];
}

/** How the cluster is reached at the moment. */
export interface Reach {
  /** What is missing for want of a right, in sentences. */
  readonly notes: readonly string[];
  /** Why the API server does not answer, as a sentence; undefined while it does. */
  readonly lost?: string | undefined;
}

/** What the program tells the page. */
export type Message =
  | { readonly type: "drawing"; readonly drawing: Drawing }
  /** Steps and artifacts that changed, by their place in the lists; nobody's inputs and outputs did. */
  | {
      readonly type: "changes";
      readonly steps: readonly (readonly [at: number, step: PageStep])[];
      readonly artifacts: readonly (readonly [at: number, artifact: PageArtifact])[];
    }
  | { readonly type: "reach"; readonly reach: Reach };

/** An artifact of a step, with what its Pods said. */
export interface Transferred {
  readonly reference: string;
  readonly id: string;
  readonly digest?: string | undefined;
  readonly bytes?: number | undefined;
  readonly seconds?: number | undefined;
  /** A command that gets it. */
  readonly command: string;
}

/** What is shown of a step that was chosen. */
export interface Details {
  readonly id: string;
  /** What is to be said of it; the first matters most. */
  readonly findings: readonly { readonly level: string; readonly text: string; readonly todo?: string }[];
  /** Ends of logs: of containers that failed, else of those that run. */
  readonly logs: readonly { readonly container: string; readonly lines: string }[];
  readonly inputs: readonly Transferred[];
  readonly outputs: readonly Transferred[];
  /** What it has pushed when it failed, which is no output. */
  readonly left: readonly Transferred[];
  readonly pods: readonly {
    readonly name: string;
    readonly phase: string;
    readonly node?: string | undefined;
  }[];
  /** The newest first. */
  readonly events: readonly {
    readonly at: string;
    readonly type: string;
    readonly reason: string;
    readonly note: string;
  }[];
  /** Commands that tell more. */
  readonly commands: readonly string[];
  /** What could not be read, in sentences. */
  readonly unread: readonly string[];
}

/** What the registry says of an artifact. */
export interface Held {
  readonly digest?: string;
  readonly bytes?: number;
  readonly files?: readonly string[];
  /** A command that gets it. */
  readonly command?: string;
  /** Why nothing is known, as a sentence. */
  readonly unread?: string;
}

const step = { width: 204, height: 48 } as const;
/** Width and height of nodes at zoom 1. Where the data goes down there is room for longer names. */
export const sizes = {
  right: { steps: step, artifacts: { width: 164, height: 26 } },
  down: { steps: step, artifacts: { width: 190, height: 26 } },
} as const satisfies Readonly<Record<Way, unknown>>;
