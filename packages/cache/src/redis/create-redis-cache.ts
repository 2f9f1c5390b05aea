import type { Cache } from '../cache.ts'
import { checkCount } from '../check-options.ts'
import { ComposedCache } from '../composed-cache.ts'
import type { OnBackgroundError } from '../message-bus.ts'
import { RedisBus } from './redis-bus.ts'
import { type ConnectionState, RedisConnection } from './redis-connection.ts'
import { RedisStore } from './redis-store.ts'

/** Options of {@link createRedisCache}. */
export interface RedisCacheOptions {
  /** `redis://user:password@host:port/database`, or `rediss://…` for TLS. Redis 6 or newer. */
  readonly url: string
  /**
   * Begins every key and every channel. Channels know no databases: two installations on one server need two
   * prefixes. Default none.
   */
  readonly keyPrefix?: string | undefined
  /** What the connection is called in `CLIENT LIST`. Default `cache`. */
  readonly name?: string | undefined
  /** How long an answer is waited for, in milliseconds. Default 100. */
  readonly commandTimeoutMs?: number | undefined
  /** How long one attempt to connect may take, TLS and login included, in milliseconds. Default 1 000. */
  readonly connectTimeoutMs?: number | undefined
  /** The longest pause between attempts to connect, in milliseconds. Default 2 000. */
  readonly maxReconnectDelayMs?: number | undefined
  /** Between looks whether an unused connection still lives, in milliseconds. Default 2 000. */
  readonly heartbeatMs?: number | undefined
  /** Commands under way at once; more fail at once. Default 10 000. */
  readonly maxPending?: number | undefined
  /** The largest value, in bytes; larger ones are dropped. Default 4 MiB. */
  readonly maxValueBytes?: number | undefined
  /** Is told when Redis is there, and once for each time that it goes. Default: nobody is. */
  readonly onStateChange?: ((state: ConnectionState) => void) | undefined
  /** Is told failures that nobody waits for: handlers that threw, loads behind a stale answer. Default: nobody is. */
  readonly onBackgroundError?: OnBackgroundError | undefined
}

/**
 * A cache in Redis, on one connection, which is begun at once and made again for ever. It keeps the process alive
 * until it is disposed of.
 *
 * @throws {TypeError} when `url` is no URL of Redis; the message does not repeat it.
 * @throws {RangeError} when a limit is less than 1.
 */
export const createRedisCache = (options: RedisCacheOptions): Cache => {
  const { url, keyPrefix = '', name = 'cache', commandTimeoutMs = 100, connectTimeoutMs = 1000 } = options
  const { maxReconnectDelayMs = 2000, heartbeatMs = 2000, maxPending = 10_000 } = options
  const { maxValueBytes = 4_194_304, onStateChange = () => {}, onBackgroundError = () => {} } = options
  const times = { commandTimeoutMs, connectTimeoutMs, maxReconnectDelayMs, heartbeatMs }
  for (const [of, count] of Object.entries({ ...times, maxPending, maxValueBytes })) checkCount(of, count)
  checkUrl(url)

  const bus = new RedisBus({ prefix: keyPrefix, timeoutMs: commandTimeoutMs })
  const connection = new RedisConnection({ url, name, maxPending, onStateChange, ...times }, (client) =>
    bus.attach(client),
  )
  bus.use(connection)
  return new ComposedCache({
    store: new RedisStore(connection, keyPrefix),
    bus,
    maxValueBytes,
    onBackgroundError,
    describe: (counters) => ({
      kind: 'redis',
      connected: connection.isConnected,
      ...connection.counters,
      ...counters,
    }),
    close: async () => {
      bus.close()
      await connection.close()
    },
  })
}

const checkUrl = (url: string): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isRedis = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:'
  if (!isRedis || !/^(?:\/\d*)?$/u.test(parsed.pathname)) {
    throw new TypeError('url is none of Redis: redis://user:password@host:port/database or rediss://…')
  }
}
