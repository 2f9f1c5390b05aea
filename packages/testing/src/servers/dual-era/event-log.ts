import type { EventId, EventStore, StreamId } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'

const MAX_EVENTS = 10_000

/** The events of one session's streams, so that a client can go on after the last that it got. */
export class EventLog implements EventStore {
  readonly #events: {
    readonly id: EventId
    readonly streamId: StreamId
    readonly message: JSONRPCMessage
  }[] = []
  #count = 0

  storeEvent(streamId: StreamId, message: JSONRPCMessage): Promise<EventId> {
    this.#count += 1
    const id = `${streamId}_${this.#count}`
    this.#events.push({ id, streamId, message })
    if (this.#events.length > MAX_EVENTS) this.#events.shift()
    return Promise.resolve(id)
  }

  getStreamIdForEventId(eventId: EventId): Promise<StreamId | undefined> {
    return Promise.resolve(this.#events.find(({ id }) => id === eventId)?.streamId)
  }

  async replayEventsAfter(
    lastEventId: EventId,
    { send }: { readonly send: (eventId: EventId, message: JSONRPCMessage) => Promise<void> },
  ): Promise<StreamId> {
    const start = this.#events.findIndex(({ id }) => id === lastEventId)
    const streamId = this.#events[start]?.streamId
    if (streamId === undefined) throw new Error('the event is not known')
    for (const event of this.#events.slice(start + 1)) {
      const isPriming = Object.keys(event.message).length === 0
      if (event.streamId === streamId && !isPriming) await send(event.id, event.message)
    }
    return streamId
  }
}
