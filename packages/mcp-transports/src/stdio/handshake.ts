import { setTimeout as delay } from 'node:timers/promises'

import {
  encodeRequest,
  findMember,
  isRecognisedModernError,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSIONS,
  readValue,
} from '@mreg/mcp-wire'

import type { CallTable } from './call-table.ts'
import { failure } from './failure.ts'
import { InitializeAnswer } from './initialize-answer.ts'
import type { StdioEra } from './stdio-options.ts'

/** What a client says of itself when it makes itself known. */
export interface StdioClient {
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly clientInfo: Readonly<Record<string, unknown>>
}

/** How a conversation with a server began. */
export interface Handshake {
  readonly era: StdioEra
  /** What every session is answered to `initialize`; undefined when the era has no sessions. */
  readonly initialized: InitializeAnswer | undefined
}

/** How long a server may leave the first question unanswered before it is asked in the words of the older era as well. */
const SILENCE_MS = 3_000
/** How much later than a question after it a question may be answered, in milliseconds. */
const ORDER_MS = 100

const MODERN: Handshake = { era: 'modern', initialized: undefined }

/**
 * Makes a client known to a server that has just been started. That it is ready (`notifications/initialized`) the first
 * session says, for what the server then asks needs somebody who can answer.
 *
 * @param era undefined: the server is asked which it speaks. A server of the older era says an error to that, or nothing at
 * all; some end.
 * @throws {UpstreamTransportError} `start_failed` when the server refuses.
 */
export const shakeHands = async (
  calls: CallTable,
  client: StdioClient,
  era: StdioEra | undefined,
): Promise<Handshake> => {
  if (era === 'legacy') return initialize(calls, client)
  const discovery = discover(calls, client)
  if (era === 'modern') {
    if ((await discovery) === 'modern') return MODERN
    throw failure('start_failed', 'the server speaks only an older version of the protocol', {
      requestSent: false,
    })
  }
  const found = await before(discovery, delay(SILENCE_MS, undefined, { ref: false }))
  if (found === 'modern') return MODERN
  const initialization = initialize(calls, client)
  if (found === 'legacy') return initialization
  // It may only have been slow: then it answers the first question first, or nearly so. One that refuses the second
  // is likely to be of the newer era, and is given more time for the first.
  const late = await before(
    discovery,
    initialization.then(
      () => delay(ORDER_MS, undefined, { ref: false }),
      () => delay(SILENCE_MS, undefined, { ref: false }),
    ),
  )
  return late === 'modern' ? MODERN : initialization
}

/** Asks a server of the modern era about itself. Its answer says that it lives. */
export const discover = async (calls: CallTable, { clientInfo }: StdioClient): Promise<StdioEra> => {
  const { message, scanned } = await calls.ask((id) =>
    encodeRequest({
      id,
      method: 'server/discover',
      params: {
        _meta: {
          [META.protocolVersion]: MODERN_VERSIONS[0],
          [META.clientCapabilities]: {},
          [META.clientInfo]: clientInfo,
        },
      },
    }),
  )
  if (scanned.isError) return isRecognisedModernError(scanned.errorCode) ? 'modern' : 'legacy'
  const versions = scanned.resultSpan && findMember(message, scanned.resultSpan, 'supportedVersions')
  return versions !== undefined && Array.isArray(readValue(message, versions)) ? 'modern' : 'legacy'
}

const initialize = async (calls: CallTable, client: StdioClient): Promise<Handshake> => {
  const { capabilities, clientInfo } = client
  const { message, scanned } = await calls.ask((id) =>
    encodeRequest({
      id,
      method: 'initialize',
      params: { protocolVersion: LEGACY_VERSIONS[0], capabilities, clientInfo },
    }),
  )
  if (scanned.isError) {
    const code = scanned.errorCode === undefined ? '' : ` (JSON-RPC error ${scanned.errorCode})`
    throw failure('start_failed', `the server refuses to initialise${code}`, { requestSent: false })
  }
  return { era: 'legacy', initialized: new InitializeAnswer(message) }
}

/** What `discovery` gives; undefined when `limit` comes first. */
const before = async (discovery: Promise<StdioEra>, limit: Promise<void>): Promise<StdioEra | undefined> =>
  Promise.race([discovery, limit.then(() => undefined)])
