import type { V1EnvVar } from "@kubernetes/client-node";
import type { agentOptions } from "../../schema/agent-options.ts";
import { names } from "../../schema/names.ts";
import { variablePattern, variables } from "../../schema/variables.ts";
import { variablesOf } from "../annotations/variables.ts";
import type { Installation } from "./admission-types.ts";

/**
 * A text as an argument of a container. The kubelet expands `$(NAME)` there and reads `$$` as one dollar sign: a
 * text of the author's is meant as it is, but for the variables that annotations may hold.
 *
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function argument(text: string): string {
  if (!text.includes("$")) return text;
  const parts = text.split(variablePattern);
  // With a group in its pattern, split returns what stands between variables and their names in turns.
  return parts
    .map((part, i) => (i % 2 === 0 ? part.replaceAll("$", "$$$$") : `$(${names.variablePrefix}${part})`))
    .join("");
}

/** An option of the agent: it knows no others. */
type OptionName = `--${keyof typeof agentOptions}`;

/** An option with its value in one word, so that no value can be taken for `--`; nothing when the value is unset. */
export function option(name: OptionName, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}=${argument(value)}`];
}

/** An option without a value, if it is set. */
export function flag(name: OptionName | `${OptionName}=false`, isSet: boolean): string[] {
  return isSet ? [name] : [];
}

/**
 * The environment that the variables in texts are expanded from. Their names are the operator's, so that nothing of the
 * program's is hidden.
 */
export function environmentFor(...texts: readonly (string | undefined)[]): V1EnvVar[] {
  return variablesOf(...texts).map((name) => ({
    name: names.variablePrefix + name,
    valueFrom: { fieldRef: { fieldPath: variables[name].field } },
  }));
}

/**
 * What was decided on each input when the Pod was let go, for the container that pulls. Where the annotation is not there
 * the kubelet sets it empty.
 */
export const inputDigestsEnvironment: readonly V1EnvVar[] = [
  {
    name: names.inputDigestsVariable,
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${names.inputDigestsAnnotation}']` } },
  },
];

/**
 * The environment of an added container where an installation has a proxy. Registries in the cluster are reached without
 * it: their names are those of Services.
 */
export function proxyEnvironment({ proxies = {}, clusterDomain }: Installation): V1EnvVar[] {
  if (!proxies.HTTP_PROXY && !proxies.HTTPS_PROXY) return [];
  const direct = [proxies.NO_PROXY, ".svc", `.svc.${clusterDomain}`].filter(Boolean).join(",");
  return Object.entries({ ...proxies, NO_PROXY: direct }).flatMap(([name, value]) =>
    value ? [{ name, value: argument(value) }] : [],
  );
}
