import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { TcpServer } from './tcp-server.ts'

/** A TCP proxy that misbehaves when told to. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** How many connections were accepted since the start. */
  readonly connectionsAccepted: number
  /** How many client connections are open now. */
  readonly connectionsOpen: number
  /** Holds all bytes in both directions; connections are still accepted. What is held goes out at `resume`. */
  pause(): void
  resume(): void
  /** Resets (TCP RST) every open connection, on both sides. */
  reset(): void
  /** Refuses new connections; open ones stay. `accept` ends it. */
  refuse(): Promise<void>
  /** Listens again on the same port. */
  accept(): Promise<void>
  /** Delays each chunk, in each direction, by so much. 0 (the start) means not at all. */
  setLatency(latencyMs: number): void
  /** Stops listening and cuts every connection. Idempotent. */
  stop(): Promise<void>
}

/** Starts a proxy on a free port of 127.0.0.1 in front of `target`. */
export async function startFaultProxy(target: {
  host?: string | undefined
  port: number
}): Promise<FaultProxy> {
  let latencyMs = 0
  let gate: PromiseWithResolvers<void> | undefined

  const pump = async (source: Socket, sink: Socket): Promise<void> => {
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false })) {
        await gate?.promise
        if (latencyMs > 0) await delay(latencyMs)
        if (!sink.write(chunk)) await Promise.race([once(sink, 'drain'), once(sink, 'close')])
      }
      await gate?.promise
      sink.end()
    } catch {
      // The source was reset: so is the sink.
      sink.resetAndDestroy()
    }
  }

  const server = new TcpServer((client) => {
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true })
    upstream.setNoDelay(true)
    upstream.on('error', () => undefined)
    couple(client, upstream)
    couple(upstream, client)
    void pump(client, upstream)
    void pump(upstream, client)
  }, true)
  await server.listen()

  const resume = (): void => {
    gate?.resolve()
    gate = undefined
  }
  const stop = async (): Promise<void> => {
    await server.stop()
    resume()
  }
  return {
    get port() {
      return server.port
    },
    get connectionsAccepted() {
      return server.connectionsAccepted
    },
    get connectionsOpen() {
      return server.connectionsOpen
    },
    pause: () => {
      gate ??= Promise.withResolvers<void>()
    },
    resume,
    reset: () => server.resetConnections(),
    refuse: () => server.refuse(),
    accept: () => server.listen(),
    setLatency: (next) => {
      latencyMs = next
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** A connection that ends without having been finished takes its partner with it, also while nothing is being read. */
function couple(socket: Socket, partner: Socket): void {
  socket.once('close', () => {
    if (!socket.readableEnded || !socket.writableFinished) partner.resetAndDestroy()
  })
}
