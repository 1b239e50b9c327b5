import { names } from "../../../schema/names.ts";
import { cutAt } from "../../annotations/reference.ts";
import { isStatus } from "../../kube/errors.ts";
import { get } from "../../kube/objects.ts";
import { resources } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import type { OutputFormat } from "../formats.ts";
import { CliError } from "../output.ts";
import { openSession, type Session, type Where } from "../remote/session.ts";
import { formatData } from "../show/output.ts";
import type { Subject } from "./facts.ts";
import { findingsOf } from "./findings.ts";
import { formatPage } from "./page.ts";
import { readFacts } from "./read.ts";

const kinds: Readonly<Record<string, Subject["kind"]>> = {
  job: "job",
  jobs: "job",
  pod: "pod",
  pods: "pod",
  po: "pod",
  cache: "cache",
  [names.singular]: "cache",
  [names.plural]: "cache",
  [names.shortName]: "cache",
};

/**
 * What a command means by a name: `oras`, `job/x`, `pod/x`.
 *
 * @param text - undefined for the only cache
 * @throws CliError where it is another kind
 */
export function parseSubject(text: string | undefined): Subject {
  if (text === undefined || !text.includes("/")) return { kind: "cache", name: text };
  const [written = "", name = "", ...rest] = text.split("/");
  const kind = kinds[cutAt(written.toLowerCase(), ".")[0]];
  if (kind !== undefined && name !== "" && rest.length === 0) return { kind, name };
  throw new CliError(`${text}: allowed is the name of a cache, job/NAME or pod/NAME.`, exits.usage);
}

/** A name alone is that of a cache. Whoever means a step of that name learns how that is written. */
async function withStep(session: Session, name: string | undefined, error: unknown): Promise<unknown> {
  if (name === undefined || !(error instanceof CliError) || error.exitCode !== exits.notFound) return error;
  const { client, namespace } = session;
  const found = await Promise.all(
    [resources.jobs, resources.pods].map(async (resource) => {
      try {
        const object = await get(client, resource, { namespace, name });
        return object === undefined ? [] : [`${resource.kind.toLowerCase()}/${name}`];
      } catch (cause) {
        if (isStatus(cause, 403)) return [];
        throw cause;
      }
    }),
  );
  const [id] = found.flat();
  if (id === undefined) return error;
  return new CliError(`${error.message} There is ${id}: status ${id}.`, exits.notFound, { cause: error });
}

/**
 * The page about a cache or a step.
 *
 * @param text - what it is about
 * @param options - of the command
 * @param colour - whether a terminal shows it
 */
export async function statusPage(
  text: string | undefined,
  { output, ...where }: Where & { readonly output: OutputFormat },
  colour: boolean,
): Promise<string> {
  const subject = parseSubject(text);
  const session = await openSession(where);
  try {
    const facts = await readFacts(session, subject).catch(async (error: unknown) => {
      throw subject.kind === "cache" ? await withStep(session, subject.name, error) : error;
    });
    const findings = findingsOf(facts, subject.kind);
    if (output === "json" || output === "yaml") {
      const { said, pods, cache, job, ...rest } = facts;
      return formatData({ findings, ...rest, cache, job, pods, said: Object.fromEntries(said) }, output);
    }
    const name = subject.kind === "cache" ? facts.cacheName : subject.name;
    const kind = { cache: names.kind, job: "Job", pod: "Pod" }[subject.kind];
    const title = `${kind} ${name} in the namespace ${session.namespace}`;
    return formatPage(title, facts, findings, { now: Date.now(), colour, about: subject.kind });
  } finally {
    session.close();
  }
}
