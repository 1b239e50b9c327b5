import type { ExportTarget } from "./export.ts";

/** What decides how a cache is held and let go. */
export interface Leaving {
  /** Whether the operator's finalizer is there. */
  readonly isHeld: boolean;
  readonly isDeleted: boolean;
  /** Whether Kubernetes deletes its children first: `--cascade=foreground`. */
  readonly isForeground: boolean;
  /** Whether its namespace is being deleted, or gone. */
  readonly namespaceGoes: boolean;
  /** Undefined where no export is asked for. */
  readonly target: ExportTarget | undefined;
  /** Whether the other registry has everything, and the status says so where somebody deletes the artifacts then. */
  readonly isExported: boolean;
  /** Whether its folder is to be emptied, for which a registry that is suspended has to run. */
  readonly isNeeded: boolean;
}

/** Why a cache is let go. */
export type LetGoReason = "not asked" | "namespace" | "foreground" | "exported";

/** What is to be done with a cache. */
export type Farewell =
  /** It is as any other. */
  | { readonly act: "stay" }
  /** It is not the operator's any more. */
  | { readonly act: "gone" }
  /** The finalizer is put there. */
  | { readonly act: "hold" }
  /** The finalizer is taken off. */
  | { readonly act: "let go"; readonly because: LetGoReason }
  /** Its registry runs until its folder is empty, though it is suspended. */
  | { readonly act: "resume" }
  /** Its artifacts are copied; or the annotation is wrong, and somebody has to correct it. */
  | { readonly act: "export" };

/**
 * What is to be done with a cache that may have to be exported. It is held only as long as somebody can do something that saves its
 * artifacts: no namespace is ever held, where neither Pods nor Secrets are left and nothing can be made.
 *
 * @param leaving - what is seen
 */
export function farewellOf(leaving: Leaving): Farewell {
  const { isHeld, isDeleted, isForeground, namespaceGoes, target, isExported, isNeeded } = leaving;
  if (!isDeleted) return beforehand(leaving);
  // What the keeper would read is gone in a moment, and made anew it would be deleted again.
  const hasPods = !isForeground && !namespaceGoes;
  if (!isHeld) return { act: isNeeded && hasPods ? "resume" : "gone" };
  if (target === undefined) return { act: "let go", because: "not asked" };
  if (namespaceGoes) return { act: "let go", because: "namespace" };
  if (isExported) return { act: "let go", because: "exported" };
  return hasPods ? { act: "export" } : { act: "let go", because: "foreground" };
}

/** What is to be done before it is deleted. */
function beforehand({ isHeld, target }: Leaving): Farewell {
  if (target === undefined) return isHeld ? { act: "let go", because: "not asked" } : { act: "stay" };
  return isHeld ? { act: "stay" } : { act: "hold" };
}
