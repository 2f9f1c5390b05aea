import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir } from 'node:fs/promises'
import { Agent, request as startRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import {
  type FixtureServer,
  type GatewayProcess,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
  waitUntil,
} from '@mreg/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { RawMcpClient } from './raw-mcp-client.ts'

/** How many more files and connections the process may open than it has open already. */
const ROOM = 30

/**
 * The numbers of the files and connections that a process has open. The limit is for the numbers: a new one is the lowest that is
 * free, and below the limit. What was open above it before stays open.
 */
const descriptorsOf = async (pid: number): Promise<readonly number[]> =>
  (await readdir(`/proc/${pid}/fd`)).map(Number)

describe.runIf(process.platform === 'linux')('a gateway without file descriptors', () => {
  let agent: Agent
  let sockets: Socket[]
  let dataDirectory: string
  let fixture: FixtureServer
  let gateway: GatewayProcess

  beforeEach(async () => {
    agent = new Agent({ keepAlive: true, maxSockets: 1 })
    sockets = []
    dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    fixture = await startFixtureServer()
    gateway = await startGateway({ dataDirectory })
    expect((await new Administrator(gateway).register('fixture', fixture.url)).status).toBe(201)
  })

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    agent.destroy()
    await gateway?.kill()
    await fixture?.stop()
    await removeDataDirectory(dataDirectory)
  })

  /** Asks on a connection that is kept, and made anew only when there is none. */
  const healthOnKept = async (): Promise<number> => {
    const request = startRequest(`${gateway.url}/health`, { agent })
    request.end()
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
    return response.statusCode
  }

  const knock = (): void => {
    const socket = connect(gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
  }

  test('F32 serves who is connected, turns others away, and is itself again when there is room', async () => {
    const client = new RawMcpClient(`${gateway.url}/mcp/fixture`)
    await client.initialize()
    expect((await client.call(1, 'echo', { message: 'before' })).message.result).toBeDefined()
    expect(await healthOnKept()).toBe(200)

    const open = await descriptorsOf(gateway.pid)
    // Holes below are room as well.
    const limit = open.length + ROOM
    const above = open.filter((descriptor) => descriptor >= limit)
    await promisify(execFile)('prlimit', [`--nofile=${limit}:`, '--pid', String(gateway.pid)])
    for (let count = 0; count < 4 * ROOM; count += 1) knock()
    await waitUntil('some to be turned away', () => sockets.some(({ destroyed }) => destroyed))
    await waitUntil('no room to be left', async () => {
      const taken = await descriptorsOf(gateway.pid)
      return taken.filter((descriptor) => descriptor < limit).length === limit
    })
    for (let count = 0; count < 10; count += 1) expect(await healthOnKept()).toBe(200)
    const opened = (await descriptorsOf(gateway.pid)).filter((descriptor) => descriptor >= limit)
    expect(above).toEqual(expect.arrayContaining(opened))
    expect(gateway.isRunning).toBe(true)

    for (const socket of sockets) socket.destroy()
    await waitUntil('a call to go through', async () => {
      const answer = await client.call(2, 'echo', { message: 'after' }).catch(() => undefined)
      return answer?.message.result !== undefined
    })
    expect((await new Administrator(gateway).register('other', fixture.url)).status).toBe(201)
    expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
    expect(gateway.stderr).not.toContain('caught by nobody')
  })
})
