import type { ShownEvent } from "./facts.ts";

/** An Event, as far as it is read. */
export interface KubeEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly regarding?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  readonly eventTime?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly series?: { readonly lastObservedTime?: string } | null;
  readonly metadata?: { readonly creationTimestamp?: string };
}

/** An Event as a page shows it. */
export function shownEvent({
  type = "",
  reason = "",
  note = "",
  regarding,
  ...times
}: KubeEvent): ShownEvent {
  return {
    type,
    reason,
    note,
    about: `${regarding?.kind}/${regarding?.name}`,
    at:
      times.series?.lastObservedTime ??
      times.deprecatedLastTimestamp ??
      times.eventTime ??
      times.metadata?.creationTimestamp ??
      "",
  };
}

/** The newest first. */
export function sorted(events: readonly ShownEvent[]): readonly ShownEvent[] {
  return [...events].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

const mostOfGone = 5;

/**
 * What Events tell of an object that is not there any more.
 *
 * @param kind - of the object
 * @param events - about objects of its name
 * @returns lines; none where no Event is of this kind
 */
export function toldOfGone(kind: string, events: readonly KubeEvent[]): readonly string[] {
  const own = events.filter(({ regarding }) => regarding?.kind === kind);
  const newest = own.reduce<KubeEvent | undefined>(
    (last, event) => (last !== undefined && timeOf(last) >= timeOf(event) ? last : event),
    undefined,
  );
  // Several of one name may have been there, one after the other.
  const ofLast = own.filter(({ regarding }) => regarding?.uid === newest?.regarding?.uid);
  if (ofLast.length === 0) return [];
  return [
    `A ${kind} of that name was deleted. The last Events of that one:`,
    ...sorted(ofLast.map(shownEvent))
      .slice(0, mostOfGone)
      .map(({ at, reason, note }) => `  ${at} ${reason}: ${note}`),
  ];
}

function timeOf(event: KubeEvent): number {
  return Date.parse(shownEvent(event).at);
}
