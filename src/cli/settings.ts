import { names } from "../../schema/names.ts";
import { optionDefaults } from "../../schema/options.ts";

/** What the offline commands know of an installation. */
export interface OfflineSettings {
  /** Of objects that do not say theirs. */
  readonly namespace: string;
  readonly toolsImage: string;
  readonly clusterDomain: string;
}

/** The defaults of the installation. */
export const offlineDefaults: OfflineSettings = {
  namespace: "default",
  toolsImage: optionDefaults.toolsImage,
  clusterDomain: names.clusterDomain,
};
