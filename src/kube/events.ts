import { createHash } from "node:crypto";
import { names } from "../../schema/names.ts";
import type { EventReason } from "../../schema/reasons.ts";
import type { KubeClient } from "./client.ts";
import { isNamespaceTerminating, isStatus } from "./errors.ts";
import { forgetOldest } from "./forget.ts";
import { create, type KubeObject } from "./objects.ts";
import { createPatience, type Patience } from "./patience.ts";
import { resources } from "./resources.ts";

/** Something worth telling about an object, in `kubectl describe`. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** In one word. */
  readonly reason: EventReason;
  /** What the operator did, in one word. */
  readonly action: string;
  /** In a sentence. */
  readonly note: string;
  /** What it tells of, where that may be seen by several processes: they make one event of it. */
  readonly occasion?: string;
}

/** Publishes events, but the same one about the same object only now and then. */
export type EventRecorder = (about: KubeObject, note: EventNote) => void;

/** The same, for who has to know whether an event is there: false where there was no room for it, or it could not be written. */
export type EventSender = (about: KubeObject, note: EventNote) => Promise<boolean>;

interface KubeEvent extends KubeObject {
  [field: string]: unknown;
}

/** The API server refuses longer notes. */
const longestNote = 1024;
/** Of every object (RFC 1123). */
const longestName = 253;
const hashLength = 16;
/** The same Event is written again only after this time. */
const quietMs = 10 * 60_000;
/** Of one reason about one object, whatever the words: some messages hold a request's id or a time. */
const ofOneReason = { most: 5, windowMs: quietMs };
/** Of one namespace and type: users who may create Pods there cause Events. Where many steps are told that they wait, a Warning still comes. */
const ofOneNamespace = { most: 300, windowMs: 60_000 };
const mostRemembered = 10_000;

/**
 * A recorder. It never fails and nothing waits for it: an event that cannot be written is reported and dropped.
 *
 * @param client - of the API server
 * @param instance - which process it is, such as the Pod's name
 * @param onTrouble - called for events that could not be written
 */
export function createEventRecorder(
  client: KubeClient,
  instance: string,
  onTrouble: (error: unknown) => void,
): EventSender {
  const patience = new Map<string, Patience>();
  const limits = ({ uid, namespace }: NonNullable<KubeObject["metadata"]>, note: EventNote) => [
    { key: [namespace, note.type].join("\n"), ...ofOneNamespace },
    { key: [uid, note.reason].join("\n"), ...ofOneReason },
    { key: [uid, note.reason, note.note, note.occasion].join("\n"), most: 1, windowMs: quietMs },
  ];
  /** What is not told spends nothing, and is not remembered: thousands of steps may have something to tell at once. */
  const mayTell = (about: KubeObject, note: EventNote): boolean => {
    const all = limits(about.metadata ?? {}, note);
    if (all.some(({ key }) => (patience.get(key)?.waitMs() ?? 0) > 0)) return false;
    for (const { key, most, windowMs } of all) {
      const known = patience.get(key) ?? createPatience(most, windowMs);
      patience.delete(key);
      patience.set(key, known);
      forgetOldest(patience, mostRemembered);
      known.spend();
    }
    return true;
  };
  // One at a time: events must not slow down the work that they tell of.
  let sending: Promise<unknown> = Promise.resolve();
  return (about, note) => {
    if (!mayTell(about, note)) return Promise.resolve(false);
    const event = eventOf(about, note, instance, new Date(client.now()));
    const sent = sending
      .then(() => create(client, resources.events, event))
      .then(
        () => true,
        (error: unknown) => {
          const told = note.occasion !== undefined && isStatus(error, 409);
          if (!told && !isNamespaceTerminating(error)) onTrouble(error);
          return told;
        },
      );
    sending = sent;
    return sent;
  };
}

/**
 * Text as it may be shown in a terminal: without control characters, escape codes and what changes the direction of
 * text, cut to the length of an Event's note.
 *
 * @param text - anybody's
 */
export function printable(text: string): string {
  const plain = text
    .slice(0, 8 * longestNote)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would take these for commands
    .replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return plain.length > longestNote ? `${plain.slice(0, longestNote - 1)}…` : plain;
}

/** As much of an object's name as the name of an Event has room for, which is as long at most. */
function shortened(name: string): string {
  let end = Math.min(name.length, longestName - hashLength - 1);
  while (end > 0 && "-.".includes(name.charAt(end - 1))) end--;
  return name.slice(0, end);
}

/**
 * The Event object.
 *
 * @param about - the object that it is about
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
    metadata: {
      name: `${shortened(name)}.${unique.digest("hex").slice(0, hashLength)}`,
      namespace: namespace ?? "default",
    },
    eventTime,
    reportingController: names.group,
    reportingInstance: instance,
    type: note.type,
    reason: note.reason,
    action: note.action,
    note: printable(note.note),
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
