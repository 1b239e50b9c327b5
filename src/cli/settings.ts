import { names } from "../../schema/names.ts";
import { type ManagerOptions, optionDefaults } from "../../schema/options.ts";

/** What the offline commands know of an installation. */
export interface OfflineSettings {
  /** Of objects that do not say theirs. */
  readonly namespace: string;
  readonly agentImage: string;
  readonly scriptsImage: string;
  readonly clusterDomain: string;
  readonly podShape: ManagerOptions["podShape"];
}

/** The defaults of the installation. */
export const offlineDefaults: OfflineSettings = {
  namespace: "default",
  agentImage: optionDefaults.agentImage,
  scriptsImage: optionDefaults.scriptsImage,
  clusterDomain: names.clusterDomain,
  podShape: optionDefaults.podShape,
};
