import { once } from 'node:events'
import { connect } from 'node:net'

import { createSettings, type Settings } from '@mreg/core'
import fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Guard } from '../src/http/guard.ts'
import { problemOf, sendProblem } from '../src/http/problem.ts'
import { portOf } from './port-of.ts'

const guarded = async (settings: Settings): Promise<FastifyInstance> => {
  const guard = new Guard({ settings })
  const app = fastify()
  app.addHook('onRequest', async (request, reply) => {
    guard.check(request, reply)
    return request.method === 'OPTIONS' ? guard.preflight(request, reply) : undefined
  })
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, problemOf(error, request.id)))
  app.get('/', () => 'in')
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app
}

/** Sends bytes as they are and gives the status line and the headers of the answer. */
const exchange = async (app: FastifyInstance, lines: readonly string[]): Promise<string> => {
  const socket = connect(portOf(app.server), '127.0.0.1')
  socket.setEncoding('latin1')
  socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  let answer = ''
  socket.on('data', (chunk: string) => (answer += chunk))
  await once(socket, 'close')
  return answer
}

const statusOf = (answer: string): number => Number(answer.split(' ')[1])

describe('in development on loopback', () => {
  let app: FastifyInstance
  beforeAll(async () => {
    app = await guarded(createSettings({ environment: {} }))
  })
  afterAll(() => app.close())

  test.each(['localhost', 'localhost:6734', '127.0.0.1:1', '[::1]:6734', 'LOCALHOST', 'localhost.'])(
    'the host %s is let in',
    async (host) => {
      expect(statusOf(await exchange(app, ['GET / HTTP/1.1', `Host: ${host}`]))).toBe(200)
    },
  )

  test.each([
    'evil.test',
    'localhost.evil.test',
    'evil.test:6734',
    '127.0.0.1.evil.test',
    '10.0.0.1',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '',
  ])('S1 the host %j is refused', async (host) => {
    expect(statusOf(await exchange(app, ['GET / HTTP/1.1', `Host: ${host}`]))).toBe(403)
  })

  test('S33 a request that names two hosts, or a whole URL, is refused', async () => {
    expect(statusOf(await exchange(app, ['GET / HTTP/1.1', 'Host: localhost', 'Host: evil.test']))).toBe(400)
    expect(statusOf(await exchange(app, ['GET http://localhost/ HTTP/1.1', 'Host: localhost']))).toBe(400)
  })

  test.each(['http://localhost:5173', 'http://127.0.0.1:9', 'https://[::1]'])(
    'a page from %s may call',
    async (origin) => {
      const answer = await exchange(app, ['GET / HTTP/1.1', 'Host: localhost', `Origin: ${origin}`])
      expect(statusOf(answer)).toBe(200)
      expect(answer).toContain(`access-control-allow-origin: ${origin}`)
      expect(answer).toContain('vary: Origin')
    },
  )

  test.each(['http://evil.test', 'null', 'http://localhost.evil.test', 'file://', 'not a url'])(
    'S4 a page from %j may not',
    async (origin) => {
      const answer = await exchange(app, ['GET / HTTP/1.1', 'Host: localhost', `Origin: ${origin}`])
      expect(statusOf(answer)).toBe(403)
      expect(answer).not.toContain('access-control-allow-origin')
    },
  )

  test('a browser that asks first is told what is allowed', async () => {
    const answer = await exchange(app, [
      'OPTIONS / HTTP/1.1',
      'Host: localhost',
      'Origin: http://localhost:5173',
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: content-type, mcp-session-id',
    ])
    expect(statusOf(answer)).toBe(204)
    expect(answer).toContain('access-control-allow-headers: content-type, mcp-session-id')
  })
})

describe('behind a public URL', () => {
  let app: FastifyInstance
  beforeAll(async () => {
    const key = 'k3N9vQ2xT7mB5rW8cY1zL4pD6hF0jS2a'
    app = await guarded(
      createSettings({
        environment: {
          MREG_ENVIRONMENT: 'production',
          MREG_HOST: '0.0.0.0',
          MREG_PUBLIC_URL: 'https://mcp.example.com/gateway',
          MREG_ADMIN_KEY: key,
          MREG_SECRET_KEY: key,
        },
      }),
    )
  })
  afterAll(() => app.close())

  const status = async (...headers: string[]): Promise<number> =>
    statusOf(await exchange(app, ['GET / HTTP/1.1', ...headers]))

  test('S1 its host and its origin are let in, and loopback is foreign', async () => {
    expect(await status('Host: mcp.example.com')).toBe(200)
    expect(await status('Host: mcp.example.com', 'Origin: https://mcp.example.com')).toBe(200)
    expect(await status('Host: mcp.example.com', 'Origin: http://mcp.example.com.evil.test')).toBe(403)
    expect(await status('Host: mcp.example.com', 'Origin: http://localhost:5173')).toBe(403)
    expect(await status('Host: localhost')).toBe(403)
  })
})
