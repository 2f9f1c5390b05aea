import { createClient, RESP_TYPES } from 'redis'

/** A word of a command. */
export type RedisArgument = string | Buffer

/** What is used of node-redis: one connection that is made once and never mends itself. */
export interface RedisClient {
  connect(): Promise<unknown>
  sendCommand(words: readonly RedisArgument[]): Promise<unknown>
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<void>
  unsubscribe(channel: string): Promise<void>
  /** Waits for what was sent, then closes. */
  close(): Promise<void>
  destroy(): void
}

export interface RedisClientOptions {
  readonly url: string
  readonly name: string
  readonly connectTimeoutMs: number
  readonly maxPending: number
  /** The connection broke, or its peer speaks nonsense. It is called more than once, and before `connect` gives up too. */
  readonly onLost: (error: unknown) => void
  /** A key that was read has changed, or (null) any may have. Given: Redis is asked to tell. */
  readonly onInvalidate: ((key: string | null) => void) | undefined
}

/**
 * Makes a client. Its replies are bytes. Without a listener for `error`, node-redis would end the process.
 */
export const openRedisClient = (options: RedisClientOptions): RedisClient => {
  const client = createClient({
    url: options.url,
    name: options.name,
    RESP: 3,
    // Pushed messages and commands share the connection, so a break is noticed by either.
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    // Turns tracking on before anything else is asked on the connection.
    emitInvalidate: options.onInvalidate !== undefined,
    commandsQueueMaxLength: options.maxPending,
    // The driver's own deadline is a timer of its own for each command, and leaves written commands waiting.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: { connectTimeout: options.connectTimeoutMs, reconnectStrategy: false },
  })
  client.on('error', options.onLost)
  client.on('end', () => options.onLost(new Error('the connection to Redis has ended')))
  client.on('invalidate', (key: Buffer | string | null) => {
    options.onInvalidate?.(key === null ? null : key.toString())
  })
  return {
    connect: () => client.connect(),
    sendCommand: (words) => client.sendCommand<unknown>([...words]),
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    unsubscribe: (channel) => client.unsubscribe(channel),
    close: async () => {
      await client.close()
    },
    destroy: () => client.destroy(),
  }
}
