import type { ServerResponse } from 'node:http'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool, type OriginStats } from '../src/index.ts'
import { startHttpServer } from './support/http-server.ts'

const MAX_PER_ORIGIN = 3
const NAMES = ['open', 'idle', 'active', 'queued'] as const
const NOTHING: OriginStats = { open: 0, idle: 0, active: 0, queued: 0 }

/** A server that answers when it is told to, and the requests to it that are not over. */
class Origin implements AsyncDisposable {
  readonly held = new Set<ServerResponse>()
  readonly pending = new Set<AbortController>()
  readonly #server: Awaited<ReturnType<typeof startHttpServer>>

  private constructor(server: Awaited<ReturnType<typeof startHttpServer>>) {
    this.#server = server
  }

  static async start(): Promise<Origin> {
    let started: Origin | undefined
    const server = await startHttpServer((_request, response) => {
      started?.held.add(response)
      response.once('close', () => started?.held.delete(response))
    })
    started = new Origin(server)
    return started
  }

  get url(): URL {
    return this.#server.url
  }

  /** What a pool should say when everything has come to rest: the sockets of the server, and the requests begun. */
  get truth(): OriginStats {
    const open = this.#server.connectionsOpen
    const active = Math.min(this.pending.size, MAX_PER_ORIGIN)
    return { open, idle: open - this.held.size, active, queued: this.pending.size - active }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}

const steps = fc.array(
  fc.record({
    action: fc.constantFrom(
      'relay',
      'got',
      'relay',
      'got',
      'answer',
      'answer',
      'answer',
      'cut',
      'abort',
      'close idle',
    ),
    which: fc.nat(1),
  }),
  { minLength: 1, maxLength: 30 },
)

const play = (action: string, pool: HttpPool, { url, held, pending }: Origin): void => {
  const [response] = held
  // Those that are answered or cut are over for the test, before the socket knows.
  if (response !== undefined && (action === 'answer' || action === 'cut')) held.delete(response)
  if (action === 'answer') response?.end('ok')
  else if (action === 'cut') response?.destroy()
  else if (action === 'abort') [...pending].at(-1)?.abort()
  else if (action === 'close idle') pool.closeIdle()
  else {
    const controller = new AbortController()
    const { signal } = controller
    pending.add(controller)
    const work =
      action === 'got'
        ? createHttpClient(pool).get(url, { signal })
        : pool.relay({ url, method: 'GET', signal }).then(({ body }) => body.bytes())
    const forget = (): boolean => pending.delete(controller)
    void work.then(forget, forget)
  }
}

test('the counts are those of the sockets that the servers see, whatever is done', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      await using one = await Origin.start()
      await using two = await Origin.start()
      const origins = [one, two]
      await using pool = new HttpPool({
        maxConnectionsPerOrigin: MAX_PER_ORIGIN,
        keepAliveMs: 60_000,
        timeouts: { queueMs: 60_000 },
      })
      const differences = (): object[] => {
        const { origins: seen, ...totals } = pool.stats()
        const sums = { open: 0, idle: 0, active: 0, queued: 0 }
        const found = origins.map((origin) => {
          const counts = seen.get(origin.url.origin) ?? NOTHING
          for (const name of NAMES) {
            sums[name] += counts[name]
          }
          return { counts, truth: origin.truth }
        })
        return [...found, { counts: totals, truth: sums }].filter(
          ({ counts, truth }) => !isEqual(counts, truth),
        )
      }
      for (const { action, which } of run) {
        const origin = origins[which]
        if (origin !== undefined) play(action, pool, origin)
        await expect.poll(differences, { timeout: 20_000, interval: 1 }).toEqual([])
      }
      pool.destroy()
      await expect.poll(() => pool.stats(), { timeout: 20_000 }).toMatchObject(NOTHING)
    }),
    { numRuns: 20 },
  )
}, 120_000)

const isEqual = (one: OriginStats, other: OriginStats): boolean =>
  NAMES.every((name) => one[name] === other[name])
