import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { rejection } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

describe('a PostgreSQL pool that starts', () => {
  const rig = new PostgresRig()

  it('F34 PostgreSQL down at boot: waits for a server that is not there yet', async () => {
    await rig.proxy.refuse()
    const pool = rig.open({ connectionString: rig.proxiedUrl })

    const ready = pool.initialize({ timeoutMs: 20_000 })
    await sleep(500)
    await rig.proxy.accept()

    await ready
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))
  })

  it('gives up in time, says where and what to do, and not the password', async () => {
    await rig.proxy.refuse()
    const url = new URL(rig.proxiedUrl)
    url.username = 'alice'
    url.password = 'hunter2'
    const pool = rig.open({ connectionString: url.href })

    const error = await rejection(pool.initialize({ timeoutMs: 700 }))

    expect(reasonOf(error)).toBe('unreachable')
    const { message, stack } = error instanceof Error ? error : new Error('no error')
    expect(message).toContain(`127.0.0.1:${rig.proxy.port}`)
    expect(message).toContain('alice')
    expect(message).toContain('refused')
    expect(message).toContain('database URL')
    expect(`${message}${JSON.stringify(error)}${String(stack)}`).not.toContain('hunter2')
  })

  it('gives up when it is told to', async () => {
    await rig.proxy.refuse()
    const pool = rig.open({ connectionString: rig.proxiedUrl })

    const error = await rejection(pool.initialize({ signal: AbortSignal.timeout(300) }))

    expect(error).toMatchObject({ name: expect.stringMatching(/^(?:Timeout|Abort)Error$/u) })
  })

  it('does not wait where waiting does not help', async () => {
    const url = new URL(rig.url)
    url.pathname = '/there_is_no_such_database'
    const pool = rig.open({ connectionString: url.href })

    const error = await rejection(pool.initialize({ timeoutMs: 60_000 }))

    expect(reasonOf(error)).toBe('rejected')
    expect(error).toMatchObject({ message: expect.stringContaining('there_is_no_such_database') })
  })

  it('F5 TLS refused: does not take a server without TLS when TLS is asked for', async () => {
    // A server that answers the request for TLS with "no".
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.write('N'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const pool = rig.open({ connectionString: `postgres://u@127.0.0.1:${port}/d`, tls: true })

    const error = await rejection(pool.initialize({ timeoutMs: 60_000 }))
    server.close()

    expect(reasonOf(error)).toBe('rejected')
  })

  it('F36 black-holed at connect: gives up on a server that accepts and says nothing', async () => {
    rig.proxy.pause()
    const pool = rig.open({ connectionString: rig.proxiedUrl, acquireTimeoutMs: 300 })

    const error = await rejection(select(pool, '1'))

    expect(reasonOf(error)).toBe('unreachable')
  })
})
