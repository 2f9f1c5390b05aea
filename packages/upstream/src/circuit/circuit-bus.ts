import type { Cache } from '@mreg/cache'
import type { CircuitSync, TransitionRecord } from '@mreg/circuit-breaker'

/** The channel on which openings and closings are told. */
const CHANNEL = 'circuit-moved'
/** More than a record can be: others may write to the bus. */
const MAXIMUM_CHARACTERS = 2048

/** Tells the other processes on one cache when a circuit opens or closes. Nobody waits for it, and it may lose anything. */
export const circuitBus = (cache: Cache): CircuitSync => ({
  publish: async (record) => {
    await cache.publish(CHANNEL, JSON.stringify(record))
  },
  subscribe: (apply) => {
    const subscribing = cache.subscribe(CHANNEL, ({ message }) => {
      if (message === undefined || message.length > MAXIMUM_CHARACTERS) return
      const record = parse(message)
      if (record !== undefined) apply(record)
    })
    // Without it, each process goes by what it sees itself.
    subscribing.catch(() => {})
    return () => {
      subscribing.then((subscription) => subscription[Symbol.asyncDispose]()).catch(() => {})
    }
  },
})

const parse = (text: string): TransitionRecord | undefined => {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever applies it checks it
    return JSON.parse(text) as TransitionRecord
  } catch {
    return undefined
  }
}
