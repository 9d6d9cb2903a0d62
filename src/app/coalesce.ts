import type { ObjectEvent, ObjectSink } from "#store/event";

/** A sink that can be told to hand on at once what it holds. */
export interface CoalescingSink extends ObjectSink {
  flush(): void;
}

/**
 * Hands on together what comes in one turn of the event loop. The API server sends each event in a TLS record of its own,
 * and Node gives each record a turn of callbacks: without this, a burst of a thousand events would be a thousand translations.
 */
export function coalesce(sink: ObjectSink): CoalescingSink {
  let waiting: ObjectEvent[] = [];
  let turn: NodeJS.Immediate | undefined;
  const flush = (): void => {
    clearImmediate(turn);
    turn = undefined;
    const events = waiting;
    waiting = [];
    if (events.length > 0) sink.apply(events);
  };
  return {
    apply(events) {
      waiting.push(...events);
      turn ??= setImmediate(flush);
    },
    flush,
  };
}
