import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ROWS } from './matrix/cells.ts'
import { CLIENTS, type MatrixClient } from './matrix/clients.ts'
import { cellOf, documentOf } from './matrix/document.ts'
import { type ServerAddress, SERVERS } from './matrix/servers.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'
import { type ServedProxy, serveProxy } from './support/serve-proxy.ts'

/** Long enough for a process that starts on a busy machine. */
const SLOW_MS = 60_000

describe('any client to any server', () => {
  const proved = new Set<string>()
  let open: OpenProxy
  let http: ServedProxy
  const addresses: ServerAddress[] = []

  beforeAll(async () => {
    open = openProxy({
      timeouts: { requestMs: SLOW_MS, toolCallMs: SLOW_MS },
      connectTimeoutMs: 10_000,
      withProcesses: true,
    })
    http = await serveProxy(open.proxy)
    for (const { slug, start } of SERVERS) {
      const address = await start()
      addresses.push(address)
      const { command, sseUrl, url = sseUrl ?? [] } = address
      const transport = sseUrl === undefined ? undefined : 'sse'
      open.register(registered(url, { slug, command, transport }))
    }
  }, SLOW_MS)

  afterAll(async () => {
    await http?.[Symbol.asyncDispose]()
    await open?.[Symbol.asyncDispose]()
    await Promise.all(addresses.map((address) => address[Symbol.asyncDispose]()))
  })

  describe.each(SERVERS)('$server', (server) => {
    describe.each(CLIENTS)('$client', ({ client: name, connect }) => {
      let client: MatrixClient

      beforeAll(async () => {
        client = await connect(http.urlOf(server.slug))
      }, SLOW_MS)

      afterAll(async () => {
        await client?.close()
      })

      test.each(ROWS.filter(({ what }) => server.impossible[what] === undefined))(
        '$what',
        { timeout: SLOW_MS },
        async ({ expectIt, what }) => {
          await expectIt({ client, server })
          proved.add(cellOf(name, server.server, what))
        },
      )
    })
  })

  test('is written down, cell by cell', async () => {
    await expect(documentOf(proved)).toMatchFileSnapshot('../../../docs/bridge.md')
  })
})
