import type { Cache } from '../cache.ts'
import { checkCount } from '../check-options.ts'
import { ComposedCache } from '../composed-cache.ts'
import type { OnBackgroundError } from '../message-bus.ts'
import type { ConnectionState } from './connection-state.ts'
import { LocalCopies } from './local-copies.ts'
import { RedisBus } from './redis-bus.ts'
import { RedisConnection } from './redis-connection.ts'
import { RedisStore } from './redis-store.ts'

/** How much of what was read this process may keep. */
export interface ClientSideCacheOptions {
  /** Entries at once, and versions of tags; the ones used least recently make room. Default 10 000. */
  readonly maxEntries?: number | undefined
  /** Bytes at once: values, keys, and an allowance for each entry. Default 64 MiB. */
  readonly maxBytes?: number | undefined
}

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
  /**
   * Copies of what was read are kept in this process until Redis says that they changed: a read of the same key needs no
   * round trip. What another process changed may be seen as it was for as long as that news takes; where the connection
   * has died in silence, for `heartbeatMs` and three deadlines. Redis must allow `CLIENT TRACKING`. Default: none are.
   */
  readonly clientSideCache?: ClientSideCacheOptions | undefined
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

  const copies = options.clientSideCache && localCopies(options.clientSideCache)
  const onInvalidate = copies && forgetting(copies)
  const bus = new RedisBus({ prefix: keyPrefix, timeoutMs: commandTimeoutMs })
  const connection = new RedisConnection(
    { url, name, maxPending, onStateChange, onInvalidate, ...times },
    (client) => bus.attach(client),
  )
  bus.use(connection)
  return new ComposedCache({
    store: new RedisStore(connection.send, keyPrefix, copies),
    bus,
    maxValueBytes,
    onBackgroundError,
    describe: (counters) => ({
      kind: 'redis',
      connected: connection.isConnected,
      ...connection.counters,
      ...(copies?.stats ?? NO_COPIES),
      ...counters,
    }),
    close: async () => {
      bus.close()
      copies?.forgetAll()
      await connection.close()
    },
  })
}

const NO_COPIES: LocalCopies['stats'] = { localHits: 0, localEntries: 0, localBytes: 0 }

const localCopies = ({ maxEntries = 10_000, maxBytes = 67_108_864 }: ClientSideCacheOptions): LocalCopies => {
  for (const [of, count] of Object.entries({ maxEntries, maxBytes }))
    checkCount(`clientSideCache.${of}`, count)
  return new LocalCopies({ maxEntries, maxBytes })
}

const forgetting =
  (copies: LocalCopies) =>
  (key: string | null): void => {
    if (key === null) copies.forgetAll()
    else copies.forget(key)
  }

const checkUrl = (url: string): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isRedis = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:'
  if (!isRedis || !/^(?:\/\d*)?$/u.test(parsed.pathname)) {
    throw new TypeError('url is none of Redis: redis://user:password@host:port/database or rediss://…')
  }
}
