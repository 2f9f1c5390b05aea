import { encodeSseEvent } from '@mreg/mcp-wire'

/** The most messages of our own that wait for a reader; who reads nothing is told of fewer changes. */
const MAX_WAITING = 16

/**
 * A stream of events with messages of our own between them, as soon as there are any. A chunk of it is one event or one comment.
 *
 * @param begin is given what takes a message of our own, and gives what ends that.
 * @param onChunk sees each chunk that passes.
 */
export async function* withOwnMessages(
  chunks: AsyncIterable<Uint8Array>,
  begin: (push: (message: Uint8Array) => void) => () => void,
  onChunk: (chunk: Uint8Array) => void = () => {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const reading = chunks[Symbol.asyncIterator]()
  const own: Uint8Array[] = []
  let arrived: IteratorResult<Uint8Array, unknown> | undefined
  let failure: { readonly error: unknown } | undefined
  let wake: (() => void) | undefined
  const read = async (): Promise<void> => {
    arrived = undefined
    try {
      arrived = await reading.next()
    } catch (error) {
      failure = { error }
    }
    wake?.()
  }
  const end = begin((message) => {
    if (own.length < MAX_WAITING) own.push(message)
    wake?.()
  })
  try {
    void read()
    for (;;) {
      const message = own.shift()
      if (message !== undefined) {
        yield encodeSseEvent({ event: 'message', data: message })
      } else if (failure !== undefined) {
        throw failure.error
      } else if (arrived === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      } else {
        if (arrived.done === true) return
        const { value } = arrived
        onChunk(value)
        void read()
        yield value
      }
    }
  } finally {
    end()
    // Not awaited: a stream that waits for its server ends when that does.
    void reading.return?.().catch(() => {})
  }
}
