import type { EventsV1Event } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { until } from "./wait.ts";
import type { Workspace } from "./workspace.ts";

/** What the operator tells about an object, as `reason: note` in the order of its Events' names. */
export async function toldAbout(ws: Workspace, kind: string, name: string): Promise<string[]> {
  const answer = await ws.kubectl("get", "events.events.k8s.io", "-o", "json");
  const { items } = JSON.parse(answer) as { items: EventsV1Event[] };
  return items
    .filter(({ reportingController }) => reportingController === names.group)
    .filter(({ regarding }) => regarding?.kind === kind && regarding.name === name)
    .map(({ reason, note }) => `${reason}: ${note}`);
}

/**
 * Waits until the operator has told something about an object.
 *
 * @param ws - where
 * @param kind - of the object
 * @param name - of the object
 * @param reason - of the Event
 * @returns `reason: note`
 */
export function told(ws: Workspace, kind: string, name: string, reason: string): Promise<string> {
  const look = async () => (await toldAbout(ws, kind, name)).find((text) => text.startsWith(`${reason}: `));
  return until(look, `an Event ${reason} about ${kind} ${name}`);
}
