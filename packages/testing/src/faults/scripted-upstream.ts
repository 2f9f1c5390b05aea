import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { TcpServer } from './tcp-server.ts'

/** One step of what a scripted upstream does with a connection. After the last step the connection stays open. */
export type ScriptStep =
  /** Waits until one whole HTTP request (head, and body by its Content-Length) has come in. */
  | 'read-request'
  /** Ends the connection in an orderly way (FIN). */
  | 'end'
  /** Resets the connection (RST). */
  | 'reset'
  | { readonly send: string | Uint8Array }
  | { readonly sleepMs: number }
  /** Waits for anything that the test decides. */
  | { readonly until: Promise<unknown> }

/** A raw TCP server that does exactly what it is told, byte by byte. */
export interface ScriptedUpstream extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** The whole requests that were read, in order, as they came in. */
  readonly requests: readonly Buffer[]
  readonly connectionsAccepted: number
  readonly connectionsOpen: number
  /** Sets what is done with connections from now on; the script starts anew for each. */
  play(script: readonly ScriptStep[] | ((connection: number) => readonly ScriptStep[])): void
  /** Stops listening and cuts every connection. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts a scripted upstream on a free port of 127.0.0.1.
 * @param script - the steps for every connection, or a function from the connection's number (1 for the first)
 */
export async function startScriptedUpstream(
  script: readonly ScriptStep[] | ((connection: number) => readonly ScriptStep[]) = [],
): Promise<ScriptedUpstream> {
  let current = script
  const requests: Buffer[] = []

  const server = new TcpServer((socket) => {
    const steps = typeof current === 'function' ? current(server.connectionsAccepted) : current
    const reader = new RequestReader(socket)
    const play = async (): Promise<void> => {
      for (const step of steps) {
        if (socket.destroyed) return
        if (step === 'read-request') requests.push(await reader.next())
        else if (step === 'end') socket.end()
        else if (step === 'reset') socket.resetAndDestroy()
        else if ('send' in step) await send(socket, step.send)
        else if ('sleepMs' in step) await delay(step.sleepMs, undefined, { ref: false })
        else await step.until
      }
    }
    // A peer that goes away ends the script; that is for the test to see on its own side.
    play().catch(() => socket.destroy())
  })
  await server.listen()

  return {
    port: server.port,
    url: `http://127.0.0.1:${server.port}/mcp`,
    requests,
    get connectionsAccepted() {
      return server.connectionsAccepted
    },
    get connectionsOpen() {
      return server.connectionsOpen
    },
    play: (next) => {
      current = next
    },
    stop: () => server.stop(),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** The bytes of an HTTP/1.1 response with a Content-Length. */
export function httpResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = '',
): Buffer {
  const bytes = Buffer.from(body)
  const head = Object.entries({ 'content-length': String(bytes.byteLength), ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Scripted\r\n${head}\r\n`), bytes])
}

async function send(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
}

/** Cuts the bytes of a connection into HTTP requests. */
class RequestReader {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake?.()
    })
    socket.once('close', () => this.#wake?.())
  }

  /** The next whole request. Throws when the connection closes before. */
  async next(): Promise<Buffer> {
    for (;;) {
      const length = this.#requestLength()
      if (length !== undefined) {
        const request = this.#received.subarray(0, length)
        this.#received = this.#received.subarray(length)
        return request
      }
      if (this.#socket.destroyed) throw new Error('the connection closed before a whole request had come in')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #requestLength(): number | undefined {
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd === -1) return undefined
    const head = this.#received.subarray(0, headEnd).toString('latin1')
    const contentLength = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0)
    const length = headEnd + 4 + contentLength
    return this.#received.byteLength >= length ? length : undefined
  }
}
