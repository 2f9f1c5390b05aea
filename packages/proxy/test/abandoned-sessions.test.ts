import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { parseJsonObject } from '@mreg/upstream'
import { expect, test } from 'vitest'

const SESSIONS = Number(process.env['MREG_TEST_SESSIONS'] ?? 5000)
const MAX_BYTES_EACH = 4096
const MAIN = fileURLToPath(new URL('memory/abandoned-sessions-main.ts', import.meta.url))
/** It only ends what would hang. */
const TIMEOUT_MS = 300_000

const CAPABILITIES = { tools: {} }
const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: CAPABILITIES,
    serverInfo: { name: 'any', version: '1' },
  },
  'server/discover': {
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'private',
    supportedVersions: ['2026-07-28'],
    capabilities: CAPABILITIES,
  },
}

/** A server that opens as many sessions as one likes, and remembers none. */
const startOpener = async (): Promise<AsyncDisposable & { readonly url: string }> => {
  let opened = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const message = parseJsonObject(Buffer.concat(chunks))
      const result = RESULTS[String(message?.['method'])]
      if (result === undefined) return void response.writeHead(202).end()
      opened += 1
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': `session-${opened}` })
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id: message?.['id'], result }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

test.each(['legacy', 'modern'])(
  `F33: ${SESSIONS} sessions with a %s server that nobody comes back to retain at most 4 KiB each`,
  { timeout: TIMEOUT_MS },
  async (era) => {
    await using server = await startOpener()
    const options = ['--conditions=@mreg/source', '--expose-gc', '--no-warnings']
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...options, MAIN, server.url, era, String(SESSIONS)],
      { timeout: TIMEOUT_MS },
    )
    const measured = parseJsonObject(Buffer.from(stdout)) ?? {}
    expect(measured).toMatchObject({ canCollect: true, remembered: SESSIONS + 500 })
    const { bytesEach } = measured
    process.stdout.write(`a session with a ${era} server retains ${String(bytesEach)} bytes\n`)
    expect(bytesEach).toBeLessThanOrEqual(MAX_BYTES_EACH)
  },
)
