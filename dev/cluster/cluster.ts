/** A cluster to work with, wherever it runs. */
export interface Cluster {
  /** In words, for the first line of output. */
  readonly description: string;
  /** Whether there is Docker to build with, and a network for its nodes to pull public images from. */
  readonly hasDocker: boolean;
  /** Brings it up, if it is not; safe to repeat. */
  up(): Promise<void>;
  /** Takes away what `up` made. */
  down(): Promise<void>;
  /** One line for each part, and whether all is well. */
  status(): Promise<{ healthy: boolean; lines: string[] }>;
  /** Makes an image known to its nodes: an OCI archive, and the image's names. */
  load(archive: string, names: readonly string[]): Promise<void>;
  /** Whether the archive was loaded before. */
  has(archive: string): Promise<boolean>;
  /** Kills one of its processes and starts it again; for a cluster whose processes are this machine's own. */
  restart?(name: string): Promise<void>;
  /** The command and environment that run a command where the API server can be reached, with kubectl and helm. */
  command(argv: readonly string[]): Promise<{ argv: string[]; env: Record<string, string> }>;
  /**
   * Runs a command in the network of this machine, with an environment in which kubectl reaches the API server; for a cluster
   * with a network of its own, where a browser of this machine could not open what `command` serves.
   */
  besides?(run: (env: Record<string, string>) => Promise<number>): Promise<number>;
}
