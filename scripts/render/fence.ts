import { names } from "../../schema/names.ts";
import { jobPolicy, podPolicy } from "./policies/steps.ts";

/** What the operator may write of steps, for a page: the policies' own words, with which the API server refuses all else. */
export function stepFence(): string {
  const [pods, jobs] = [podPolicy(), jobPolicy()].map(messagesOf) as [string[], string[]];
  const ofBoth = pods.map(ofStep).filter((message) => jobs.map(ofStep).includes(message));
  const ofOne = (messages: string[]) => messages.filter((message) => !ofBoth.includes(ofStep(message)));
  const lists = { "Of both, called steps here": ofBoth, "Of Pods": ofOne(pods), "Of Jobs": ofOne(jobs) };
  return Object.entries(lists)
    .map(([title, rules]) => `\n${title}:\n\n${rules.map((rule) => `- ${markdown(rule)}`).join("\n")}\n`)
    .join("");
}

function messagesOf({ validations }: ReturnType<typeof podPolicy>): string[] {
  return validations.flatMap(({ message }) => message ?? []);
}

function ofStep(message: string): string {
  return message.replaceAll(/\b(?:Pod|Job)(s?)\b/g, "step$1");
}

/** With names as code, and `…/` for the prefix that all of them have. */
function markdown(message: string): string {
  return message.replaceAll(RegExp(`${names.prefix.replaceAll(".", "\\.")}([\\w-]+)`, "g"), "`…/$1`");
}
