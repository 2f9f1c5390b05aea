import { parseArgs } from 'node:util'

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

import { startDualEraServer } from './dual-era-server.ts'
import type { Announcement } from './feature.ts'
import { Features } from './features.ts'
import { LegacySide } from './legacy-side.ts'
import { ModernSide } from './modern-side.ts'

const USAGE = `dual-era-server [--port=N] [--legacy=stateful|stateless|none] [--no-modern] [--no-resumable] [--json]
dual-era-server --stdio=legacy|modern`

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    legacy: { type: 'string' },
    'no-modern': { type: 'boolean', default: false },
    'no-resumable': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    stdio: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const legacyModes = ['stateful', 'stateless', 'none'] as const

if (values.help) {
  process.stdout.write(`${USAGE}\n`)
} else if (values.stdio === 'legacy') {
  const side: LegacySide = new LegacySide(new Features(), (announcement) => void side.hear(announcement))
  await side.connect(new StdioServerTransport())
} else if (values.stdio === 'modern') {
  const features = new Features()
  // Nobody listens beyond the one connection, whose subscriptions the SDK serves from the server's own notifications.
  const served: { side: ModernSide | undefined } = { side: undefined }
  const announce = (announcement: Announcement): void => void served.side?.hear(announcement)
  serveStdio(
    () => {
      served.side = new ModernSide(features, announce, undefined)
      return served.side
    },
    { legacy: 'reject' },
  )
} else {
  const server = await startDualEraServer({
    port: values.port === undefined ? undefined : Number(values.port),
    legacy: legacyModes.find((mode) => mode === values.legacy),
    modern: !values['no-modern'],
    resumable: !values['no-resumable'],
    jsonResponses: values.json,
  })
  process.stdout.write(`${server.url}\n${server.sseUrl}\n`)
}
