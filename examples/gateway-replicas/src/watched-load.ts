import { randomUUID } from 'node:crypto'

import type { Client, Outcome } from './client.ts'

/** What clients saw in one chapter of the story. */
export interface Seen {
  readonly lists: Readonly<Record<Outcome, number>>
  readonly calls: Readonly<Record<Outcome, number>>
  /** The nonces of all calls, and those that were answered. */
  readonly sent: readonly string[]
  readonly answered: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Every client lists and calls in turns, `rounds` times and until `meanwhile` has happened. */
export const watch = async (
  clients: readonly Client[],
  rounds: number,
  meanwhile: () => Promise<void>,
): Promise<Seen> => {
  const lists = { right: 0, wrong: 0, failed: 0 }
  const calls = { right: 0, wrong: 0, failed: 0 }
  const sent: string[] = []
  const answered: string[] = []
  const waits: number[] = []
  const timed = async (request: Promise<Outcome>): Promise<Outcome> => {
    const begun = performance.now()
    const outcome = await request
    waits.push(performance.now() - begun)
    return outcome
  }
  const happening = new AbortController()
  const happen = async (): Promise<void> => {
    try {
      await meanwhile()
    } finally {
      happening.abort()
    }
  }
  const work = async (client: Client): Promise<void> => {
    for (let round = 0; round < rounds || !happening.signal.aborted; round += 1) {
      lists[await timed(client.list())] += 1
      const nonce = randomUUID()
      sent.push(nonce)
      const outcome = await timed(client.pay(nonce))
      calls[outcome] += 1
      if (outcome === 'right') answered.push(nonce)
    }
  }
  await Promise.all([...clients.map(work), happen()])
  waits.sort((one, other) => one - other)
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? 0
  return { lists, calls, sent, answered, p50Ms: at(0.5), p99Ms: at(0.99) }
}
