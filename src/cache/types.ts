import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { components as Stored } from "../../generated/stored.ts";
import type { components as Submitted } from "../../generated/submitted.ts";

interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
}

/** An OrasCache as somebody submits it: everything may be left out. */
export type OrasCache = KubernetesObject & Submitted["schemas"]["OrasCache"];

/** An OrasCache as the API server stores it: defaults are filled in. */
export type StoredOrasCache = KubernetesObject & Stored["schemas"]["OrasCache"];

export type OrasCacheStatus = Submitted["schemas"]["OrasCacheStatus"];
export type Condition = Submitted["schemas"]["Condition"];
