import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { eventOf, httpResponse } from '@mreg/testing'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

import { isCall, type ReadMessage, responseTo } from './answers.ts'
import type { FaultEvent, Phase } from './table.ts'

/** What is to happen to a call. */
export interface Fault {
  readonly phase: Phase
  readonly event: FaultEvent
  /** Lets the client go, and waits until the gateway knows. */
  readonly leave: () => Promise<void>
  /** Ends when the client has what it gets. */
  readonly answered: Promise<unknown>
}

/** A server of one era that does to a call what it is told, byte by byte, and answers everything else. */
export interface FaultServer extends AsyncDisposable {
  readonly url: string
  /** The nonces of the calls that it has read, and so executed. */
  readonly executions: readonly string[]
  /** Does so to calls, or to connections, from now on; undefined: nothing. */
  play(fault: Fault | undefined): void
  /** Cuts the connections that are open. */
  cut(): void
  /** Stops listening, and cuts them. */
  stop(): Promise<void>
}

const JSON_TYPE = { 'content-type': 'application/json' }
const chunked = (type: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const NO_HTTP = 'SSH-2.0-x\r\n\r\n'
const LAST_CHUNK = chunk('')

export const startFaultServer = async (era: 'legacy' | 'modern'): Promise<FaultServer> => {
  const sockets = new Set<Socket>()
  const executions: string[] = []
  let current: Fault | undefined

  const answer = async (socket: Socket, message: ReadMessage): Promise<void> => {
    if (!isCall(message)) {
      socket.write(responseTo(message, era))
      return
    }
    executions.push(message.nonce)
    if (current === undefined) socket.write(responseTo(message, era))
    else await misbehave(socket, message, current)
  }

  const serve = async (socket: Socket): Promise<void> => {
    if (current?.phase === 'after connect' && !(await connected(socket, current))) return
    let received = Buffer.alloc(0)
    for await (const bytes of chunksOf(socket)) {
      received = Buffer.concat([received, bytes])
      for (let length = requestLength(received); length > 0; length = requestLength(received)) {
        const request = received.subarray(0, length).toString()
        received = received.subarray(length)
        await answer(socket, readMessage(request))
      }
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    // Whoever is reset, or resets, has nothing more to say.
    serve(socket).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    cut()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    executions,
    play: (fault) => {
      current = fault
    },
    cut,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** What happens before a request was read. Gives whether the connection goes on. */
const connected = async (socket: Socket, { event, leave }: Fault): Promise<boolean> => {
  // The request is never read, so nothing may follow it.
  const whole = (body: string, status = 200): unknown => socket.end(httpResponse(status, JSON_TYPE, body))
  if (event === 'reset') socket.resetAndDestroy()
  else if (event === 'close') socket.end()
  else if (event === 'garbage') socket.write(NO_HTTP)
  else if (event === '500') whole('{}', 500)
  else if (event === 'malformed JSON-RPC') whole('{"jsonrpc":"2.0","result"')
  else if (event === 'wrong id') whole(JSON.stringify({ jsonrpc: '2.0', id: 'somebody', result: {} }))
  else if (event === 'client gone') await leave()
  return event === 'client gone'
}

/** What happens to a call that was read. */
const misbehave = async (socket: Socket, call: ReadMessage, fault: Fault): Promise<void> => {
  const { answered, event, leave, phase } = fault
  const isStream = phase === 'in the middle of the stream' || phase === 'after the response'
  const response = { jsonrpc: '2.0', id: call.id, result: call.result }
  const framed = (text: string): Buffer | string => {
    if (phase === 'request sent') return httpResponse(200, JSON_TYPE, text)
    return chunk(isStream ? `data: ${text}\n\n` : text)
  }
  const said = (...messages: readonly object[]): Buffer =>
    Buffer.concat(messages.map((message) => Buffer.from(framed(JSON.stringify(message)))))
  const end = phase === 'request sent' ? '' : LAST_CHUNK

  if (phase === 'head received') socket.write(chunked('application/json'))
  if (isStream) socket.write(chunked('text/event-stream') + chunk(eventOf(call.progress)))
  if (phase === 'after the response') {
    socket.write(chunk(eventOf(response)))
    // A connection that breaks takes along what was not read yet; what breaks after the response is to come after it.
    if (event !== 'client gone') await answered
  }
  const other = { ...response, result: { ...call.result, content: [{ type: 'text', text: 'somebody' }] } }
  if (event === 'reset') socket.resetAndDestroy()
  else if (event === 'close') socket.end()
  else if (event === 'garbage') socket.write(NO_HTTP)
  else if (event === 'malformed JSON-RPC')
    socket.write(Buffer.concat([toBytes(framed('{"jsonrpc":"2.0","id"')), toBytes(end)]))
  else if (event === 'wrong id') socket.write(Buffer.concat([said({ ...other, id: 999_999 }), toBytes(end)]))
  else if (event === 'double response') socket.write(Buffer.concat([said(response, other), toBytes(end)]))
  else if (event === '500') socket.write(httpResponse(500, JSON_TYPE, '{}'))
  else if (event === 'client gone') {
    await leave()
    if (phase !== 'after the response') socket.write(Buffer.concat([said(response), toBytes(end)]))
    else socket.write(end)
  }
}

const toBytes = (text: Buffer | string): Buffer => Buffer.from(text)

const chunksOf = (socket: Socket): AsyncIterable<Buffer> => socket

/** How long the first request in `received` is; 0 when it is not whole yet. */
const requestLength = (received: Buffer): number => {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return 0
  const head = received.subarray(0, headEnd).toString('latin1')
  const length = headEnd + 4 + Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0)
  return received.length >= length ? length : 0
}

const readMessage = (request: string): ReadMessage => {
  const body = request.slice(request.indexOf('\r\n\r\n') + 4)
  return { verb: request.slice(0, request.indexOf(' ')), ...readBody(body) }
}

const readBody = (body: string): Omit<ReadMessage, 'verb'> => {
  const message = parseJsonObject(Buffer.from(body)) ?? {}
  const params = objectIn(message['params'])
  const nonce = textIn(objectIn(params['arguments'])['nonce']) ?? ''
  const { progressToken } = objectIn(params['_meta'])
  return {
    id: message['id'],
    method: textIn(message['method']),
    nonce,
    progress: { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } },
    result: { resultType: 'complete', content: [{ type: 'text', text: nonce }] },
  }
}

const objectIn = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
