import { readFileSync } from "node:fs";
import type { KubeClient } from "../../src/kube/client.ts";

/** Seconds since the machine started: a clock that programs in Pods and this one share. */
export const now = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

/** Writes a file, and says when it began and ended. */
export const program = `read -r began _ </proc/uptime
echo "began $began"
echo blueberry > answer.txt
read -r ended _ </proc/uptime
echo "ended $ended"`;

/**
 * When the program of a Pod began and ended, by {@link now}.
 *
 * @param client - of the API server
 * @param pod - the path of the Pod, which has ended
 */
export async function timesOf(client: KubeClient, pod: string): Promise<{ began: number; ended: number }> {
  const log = await client.stream({ path: `${pod}/log`, query: { container: "main" } });
  const said = Buffer.concat(await log.toArray()).toString();
  const at = (word: string) => Number(said.split(`${word} `)[1]?.split("\n")[0]);
  return { began: at("began"), ended: at("ended") };
}
