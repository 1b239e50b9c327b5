import { keyOf } from "../annotations/keys.ts";
import { quoted } from "../annotations/problems.ts";
import { usesScripts } from "../annotations/settings.ts";
import { variablesOf } from "../annotations/variables.ts";
import { isPod, ownedByController, ownedByJob } from "../workload/workload.ts";
import { type Reading, refuseUnless } from "./step.ts";

type OwnName = "output-uri" | "push-on" | "entrypoint" | "oras-entrypoint";

/**
 * Refuses what is no function of what a key sees, whatever the Pod runs.
 *
 * @param reading - of the step; gets the refusals
 */
export function checkStep(reading: Reading): void {
  const { step, refusals } = reading;
  const { settings, workload } = step;
  const key = (name: OwnName) => keyOf({ name, number: 0 });
  if (settings.output === undefined)
    refusals.push({ code: "NoOutputToKeep", path: key("output-uri"), message: "it is not set." });
  if (settings.pushOn !== "success")
    refusals.push({
      code: "OutputOfFailures",
      path: key("push-on"),
      message: `found ${quoted(settings.pushOn)}; allowed is "success".`,
    });
  if (usesScripts(settings)) {
    const name = settings.entrypoint === undefined ? "oras-entrypoint" : "entrypoint";
    refusals.push({ code: "ScriptsNotSeen", path: key(name), message: "found a script." });
  }
  if (ownedByController(workload) && !ownedByJob(workload) && workload.kind.kind === "Pod")
    refusals.push({
      code: "MadeByController",
      path: "metadata.ownerReferences",
      message: "found a controller that is not a Job.",
    });
  checkOutput(reading);
  checkPods(reading);
  checkPaths(reading);
}

/** The tag is written before there is a Pod; a Pod that is a step knows its own name. */
function checkOutput({ step: { settings, workload }, refusals }: Reading): void {
  const { output } = settings;
  const open = variablesOf(output?.repository, output?.version).filter(
    (name) => name === "POD_UID" || name === "NODE_NAME" || (name === "POD_NAME" && !isPod(workload)),
  );
  if (open.length === 0) return;
  const message = `found ${open.map((name) => `$(${name})`).join(", ")}.`;
  refusals.push({ code: "OutputNotKnown", path: keyOf({ name: "output-uri", number: 0 }), message });
}

function checkPods({ step: { settings, workload }, refusals }: Reading): void {
  const variable = workload.kind.tellsPodsApart(workload);
  const { output } = settings;
  if (output === undefined || variable === undefined) return;
  if (
    variable === "JOB_COMPLETION_INDEX" &&
    variablesOf(output.repository, output.version).includes(variable)
  )
    return;
  const message = "found more than 1, and no $(JOB_COMPLETION_INDEX) of an Indexed Job in output-uri.";
  refusals.push({ code: "OneOutputOfSeveralPods", path: "spec.completions", message });
}

/** Variables in a path: a program that finds its files there sees their values. */
function checkPaths(reading: Reading): void {
  for (const { number, inputPath, outputPath, outputPipe } of reading.step.settings.launchers) {
    const paths = { "input-path": inputPath, "output-path": outputPath, "output-pipe": outputPipe } as const;
    for (const name of ["input-path", "output-path", "output-pipe"] as const) {
      const bad = variablesOf(paths[name]).filter(
        (variable) => variable !== "JOB_COMPLETION_INDEX" && variable !== "POD_NAMESPACE",
      );
      if (bad.length === 0) continue;
      const found = bad.map((variable) => `$(${variable})`).join(", ");
      const message = `found ${found}, which is different in each Pod.`;
      refuseUnless(reading, "identity", "IdentityNotSeen", keyOf({ name, number }), message);
    }
  }
}
