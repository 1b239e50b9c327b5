import type { Command } from "commander";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends RemoteOptions {
  readonly selector?: string;
  readonly run?: string;
  readonly timeout: string;
}

/** `oras-operator wait`: until an artifact is there, or steps have ended. */
export function waitCommand(): Command {
  return cacheCommand("wait", [
    "dinosaur/bones:v1",
    "dinosaur/bones:v1 --timeout 2h",
    "job/report",
    "--run trial-3 --timeout 2h",
  ])
    .description("wait until an artifact is there, or until steps have ended")
    .argument("[what...]", "REPOSITORY:TAG or REPOSITORY@sha256:…; or steps: job/NAME, pod/NAME")
    .option("-l, --selector <selector>", "labels of the Jobs and Pods to wait for, as for kubectl")
    .option("--run <name>", "wait for the steps with this annotation run")
    .option("--timeout <duration>", "longest time to wait; the exit code is 6 then", "5m")
    .action(async (what: string[], { selector, run, ...options }: Options) => {
      const ids = what.filter(isStep);
      const [artifact, ...more] = what.filter((each) => !isStep(each));
      const kinds = [artifact !== undefined, ids.length > 0, (selector ?? run) !== undefined].filter(Boolean);
      if (kinds.length !== 1 || more.length > 0) {
        const message =
          "Name one artifact, or steps as job/NAME or pod/NAME, or a run with --run, or labels of steps with -l.";
        throw new CliError(message, exits.usage);
      }
      // Loaded here only: the other commands answer at once without it.
      if (artifact === undefined) {
        const { awaitSteps } = await import("../steps/await-steps.ts");
        await awaitSteps({ ...options, ids, selector, run }, (line) => console.log(line));
        return;
      }
      const { awaitArtifact } = await import("../remote/await-artifact.ts");
      console.log(await awaitArtifact(artifact, options));
    });
}

/** An artifact has a tag or a digest. */
function isStep(text: string): boolean {
  return /^(job|pod)\/[^:@/]+$/.test(text);
}
