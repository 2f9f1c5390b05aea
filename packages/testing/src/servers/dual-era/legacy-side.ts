import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'

import {
  type Announcement,
  type FeatureContext,
  isJson,
  type Json,
  LOG_LEVELS,
  type LogLevel,
} from './feature.ts'
import { type Features, LEGACY_CAPABILITIES, SERVER_INFO } from './features.ts'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

const ANY_OBJECT = z.looseObject({})

/** One connection or session of the legacy era, on SDK v1. Payloads go in and out as they are. */
export class LegacySide {
  readonly #features: Features
  readonly #server = new Server(SERVER_INFO, { capabilities: LEGACY_CAPABILITIES })
  readonly #subscriptions = new Set<string>()
  readonly #announce: (announcement: Announcement) => void
  #level: LogLevel = 'debug'

  /** @param announce - tells all clients of the server, of which this is one */
  constructor(features: Features, announce: (announcement: Announcement) => void) {
    this.#features = features
    this.#announce = announce
    this.#server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
      this.#level = params.level
      return {}
    })
    this.#server.fallbackRequestHandler = async ({ method, params = {} }, extra) =>
      this.#features.answer(method, params, this.#contextOf(params, extra))
  }

  connect(transport: Transport): Promise<void> {
    return this.#server.connect(transport)
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  /** Tells this client, if it listens and if it is concerned. */
  async hear(announcement: Announcement): Promise<void> {
    if (announcement.kind !== 'updated') {
      await this.#server.notification({ method: `notifications/${announcement.kind}/list_changed` })
    } else if (this.#subscriptions.has(announcement.uri)) {
      const { uri } = announcement
      await this.#server.notification({ method: 'notifications/resources/updated', params: { uri } })
    }
  }

  #contextOf(params: Json, extra: Extra): FeatureContext {
    const meta = isJson(params['_meta']) ? params['_meta'] : {}
    const { progressToken } = meta
    const notify = async (method: string, content: Json): Promise<void> => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- also what the SDK does not know
      await extra.sendNotification({ method, params: content } as unknown as ServerNotification)
    }
    const clientCapabilities: Json = { ...this.#server.getClientCapabilities() }
    return {
      era: 'legacy',
      signal: extra.signal,
      clientCapabilities,
      subscriptions: this.#subscriptions,
      closeStream: extra.closeSSEStream,
      announce: this.#announce,
      notify,
      progress: async (progress, total) => {
        if (progressToken !== undefined)
          await notify('notifications/progress', { progressToken, progress, total })
      },
      log: async (level, data) => {
        if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#level)) return
        await notify('notifications/message', { level, logger: SERVER_INFO.name, data })
      },
      ask: async (questions) => {
        const asked = Object.entries(questions).map(async ([key, question]) => {
          const [capability = ''] = question.method.split('/')
          if (!(capability in clientCapabilities)) throw new Error(`The client has no ${capability}`)
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it stands, not as a schema sees it
          const request = question as unknown as ServerRequest
          return [key, await extra.sendRequest(request, ANY_OBJECT, { timeout: 600_000 })] as const
        })
        return Object.fromEntries(await Promise.all(asked))
      },
    }
  }
}
