import { setTimeout as sleep } from 'node:timers/promises'

import type { Handler, MessageBus } from '../message-bus.ts'
import type { RedisClient } from './redis-client.ts'
import type { RedisConnection } from './redis-connection.ts'

interface Subscription {
  readonly handler: Handler
  /** Resolves when Redis has confirmed it for the first time. */
  readonly live: PromiseWithResolvers<void>
  /** The subscriber has it in hands: what comes late from now on was missed. */
  returned: boolean
}

/** Messages through Redis, on channels `c:` and the name, after the prefix. */
export class RedisBus implements MessageBus {
  readonly #prefix: string
  readonly #timeoutMs: number
  readonly #channels = new Map<string, Set<Subscription>>()
  #connection: RedisConnection | undefined

  constructor({ prefix, timeoutMs }: { readonly prefix: string; readonly timeoutMs: number }) {
    this.#prefix = `${prefix}c:`
    this.#timeoutMs = timeoutMs
  }

  /** The connection to use; it calls {@link RedisBus.attach} whenever it is made. */
  use(connection: RedisConnection): void {
    this.#connection = connection
  }

  /** Subscribes to everything on a new connection, and tells who may have missed something. */
  attach(client: RedisClient): void {
    void this.#attachAll(client)
  }

  async publish(channel: string, message: string): Promise<boolean> {
    const words = ['PUBLISH', this.#prefix + channel, message]
    return (await this.#connection?.command((client) => client.sendCommand(words))) !== undefined
  }

  async subscribe(channel: string, handler: Handler): Promise<AsyncDisposable> {
    const subscription: Subscription = { handler, live: Promise.withResolvers(), returned: false }
    const subscriptions = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, subscriptions.add(subscription))
    const connection = this.#connection
    const wasConnected = connection?.isConnected
    const client = await connection?.client()
    if (wasConnected && client !== undefined) {
      if (await this.#listen(client, channel)) subscription.live.resolve()
    } else if (client !== undefined) {
      // `attach` is at it: the connection came up just now.
      await Promise.race([subscription.live.promise, sleep(this.#timeoutMs, undefined, { ref: false })])
    }
    subscription.returned = true
    return { [Symbol.asyncDispose]: () => this.#end(channel, subscription) }
  }

  close(): void {
    this.#channels.clear()
  }

  async #attachAll(client: RedisClient): Promise<void> {
    const waiting = [...this.#channels].flatMap(([channel, all]) => [...all].map((one) => ({ channel, one })))
    const listening = await Promise.all([...this.#channels.keys()].map((name) => this.#listen(client, name)))
    // If one failed, the connection was given up, and the next one will tell.
    if (!listening.every(Boolean)) return
    for (const { channel, one } of waiting) {
      one.live.resolve()
      if (one.returned && this.#channels.get(channel)?.has(one))
        one.handler({ message: undefined, missed: true })
    }
  }

  async #listen(client: RedisClient, channel: string): Promise<boolean> {
    const subscribed = client.subscribe(this.#prefix + channel, this.#deliver).then(() => true)
    const isLive = (await this.#connection?.withinDeadline(client, subscribed)) === true
    if (!isLive) this.#connection?.drop(client, new Error('Redis did not confirm a subscription'))
    return isLive
  }

  async #end(channel: string, subscription: Subscription): Promise<void> {
    const subscriptions = this.#channels.get(channel)
    if (!subscriptions?.delete(subscription) || subscriptions.size > 0) return
    this.#channels.delete(channel)
    const name = this.#prefix + channel
    await this.#connection?.command((client) => client.unsubscribe(name).then(() => true))
  }

  /** One function for all, so that subscribing twice delivers once. */
  readonly #deliver = (message: string, name: string): void => {
    const channel = name.slice(this.#prefix.length)
    for (const { handler } of this.#channels.get(channel) ?? []) handler({ message, missed: false })
  }
}
