import { createHash } from "node:crypto";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "./client.ts";
import { isNamespaceTerminating, isStatus } from "./errors.ts";
import { create, type KubeObject } from "./objects.ts";
import { resources } from "./resources.ts";

/** Something worth telling about an object, in `kubectl describe`. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** In one word. */
  readonly reason: string;
  /** What the operator did, in one word. */
  readonly action: string;
  /** In a sentence. */
  readonly note: string;
  /** What it tells of, where that may be seen by several processes: they make one event of it. */
  readonly occasion?: string;
}

/** Publishes events, but the same one about the same object only now and then. */
export type EventRecorder = (about: KubeObject, note: EventNote) => void;

interface KubeEvent extends KubeObject {
  [field: string]: unknown;
}

/** The API server refuses longer notes. */
const longestNote = 1024;
const quietMs = 10 * 60_000;
const mostRemembered = 2_000;

/**
 * A recorder. It never fails and nobody waits for it: an event that cannot be written is reported and dropped.
 *
 * @param client - of the API server
 * @param instance - which process it is, such as the Pod's name
 * @param onTrouble - told of events that could not be written
 */
export function createEventRecorder(
  client: KubeClient,
  instance: string,
  onTrouble: (error: unknown) => void,
): EventRecorder {
  const toldAt = new Map<string, number>();
  // One at a time: events must not get in the way of the work that they tell of.
  let sending: Promise<unknown> = Promise.resolve();
  return (about, note) => {
    const key = [about.metadata?.uid, note.reason, note.note].join("\n");
    const now = performance.now();
    if (now - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    toldAt.delete(key);
    toldAt.set(key, now);
    const oldest = toldAt.keys().next().value;
    if (toldAt.size > mostRemembered && oldest !== undefined) toldAt.delete(oldest);
    const event = eventOf(about, note, instance, new Date());
    sending = sending
      .then(() => create(client, resources.events, event))
      .catch((error: unknown) => {
        const told = note.occasion !== undefined && isStatus(error, 409);
        if (!told && !isNamespaceTerminating(error)) onTrouble(error);
      });
  };
}

/**
 * The Event object.
 *
 * @param about - whom it is about
 * @param note - what to tell
 * @param instance - which process tells it
 * @param now - when
 */
export function eventOf(about: KubeObject, note: EventNote, instance: string, now: Date): KubeEvent {
  const { name = "", namespace, uid, resourceVersion } = about.metadata ?? {};
  const eventTime = now.toISOString().replace("Z", "000Z"); // MicroTime
  const occasion = note.occasion ?? [eventTime, instance].join("\n");
  const unique = createHash("sha256").update([uid, note.reason, note.note, occasion].join("\n"));
  return {
    metadata: { name: `${name}.${unique.digest("hex").slice(0, 16)}`, namespace: namespace ?? "default" },
    eventTime,
    reportingController: names.group,
    reportingInstance: instance,
    type: note.type,
    reason: note.reason,
    action: note.action,
    note: note.note.length > longestNote ? `${note.note.slice(0, longestNote - 1)}…` : note.note,
    regarding: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name,
      namespace,
      uid,
      resourceVersion,
    },
  };
}
