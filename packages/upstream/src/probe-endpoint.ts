import type { EndpointProbe } from '@mreg/core'
import {
  encodeRequest,
  isRecognisedModernError,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSIONS,
} from '@mreg/mcp-wire'

import { isJsonObject } from './json-object.ts'
import { readResponse } from './read-response.ts'
import { probeStdio } from './stdio/probe-stdio.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamError } from './upstream-error.ts'

export interface ProbeOptions {
  /** For the whole probe, in milliseconds. */
  readonly timeoutMs: number
  /** Who asks: name and version for `clientInfo`. */
  readonly clientInfo: { readonly name: string; readonly version: string }
  readonly signal?: AbortSignal | undefined
  /**
   * Nobody asked in particular. Then no process is started for a `stdio` endpoint whose last one did what it should, or
   * failed a moment ago. Default false.
   */
  readonly isRoutine?: boolean | undefined
}

/** For the server to end a session, in milliseconds. */
const END_SESSION_MS = 2_000

const PROBE_ID = 'mreg-probe'

/**
 * Asks an endpoint, in the words of its protocol, whether it works: `server/discover` first, and when it
 * does not know that, `initialize` followed by DELETE, so that no session is left behind.
 *
 * Never throws for what the endpoint does. A good probe closes the endpoint's circuit.
 */
export const probeEndpoint = async (
  endpoint: UpstreamEndpoint,
  options: ProbeOptions,
): Promise<EndpointProbe> => {
  const startedAt = performance.now()
  const result = (fields: Pick<EndpointProbe, 'status' | 'era' | 'message'>): EndpointProbe => ({
    endpointId: endpoint.target.endpoint.id,
    latencyMs: Math.round(performance.now() - startedAt),
    probedAt: new Date(),
    ...fields,
  })
  if (endpoint.stdio !== undefined) {
    // A start has a deadline of its own, which is longer.
    const found = await probeStdio(endpoint.stdio, { ...options, isRoutine: options.isRoutine ?? false })
    if (found.status === 'healthy' && options.isRoutine !== true) endpoint.breaker.reset()
    if (found.era === 'modern') endpoint.era.learn({ modern: true })
    else if (found.era === 'legacy') endpoint.era.learn({ modern: false, legacy: true })
    return result(found)
  }
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  try {
    const modern = await answersDiscover(endpoint, options, signal)
    if (modern === true) endpoint.era.learn({ modern })
    else if (await initializeOnce(endpoint, options, signal)) endpoint.era.learn({ modern, legacy: true })
    endpoint.breaker.reset()
    return result({ status: 'healthy', era: modern === true ? 'modern' : 'legacy', message: undefined })
  } catch (error) {
    if (UpstreamError.is(error) && error.reason === 'needs_login') {
      return result({ status: 'needs_login', era: undefined, message: error.message })
    }
    const message = deadline.aborted ? `no answer within ${options.timeoutMs} ms` : messageOf(error)
    return result({ status: 'unhealthy', era: undefined, message })
  }
}

/** Whether it speaks the newer era; undefined when it failed in a way that does not tell. */
const answersDiscover = async (
  endpoint: UpstreamEndpoint,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<boolean | undefined> => {
  const [version] = MODERN_VERSIONS
  if (version === undefined) return false
  try {
    const reply = await endpoint.sendProbe({
      message: encodeRequest({
        id: PROBE_ID,
        method: 'server/discover',
        params: {
          _meta: {
            [META.protocolVersion]: version,
            [META.clientCapabilities]: {},
            [META.clientInfo]: options.clientInfo,
          },
        },
      }),
      method: 'server/discover',
      protocolVersion: version,
      headers: [['mcp-method', 'server/discover']],
      timeoutMs: options.timeoutMs,
      signal,
    })
    const response = await readResponse(reply, PROBE_ID)
    const error = response['error']
    if (isJsonObject(error))
      return typeof error['code'] === 'number' && isRecognisedModernError(error['code'])
    const result = response['result']
    return isJsonObject(result) && Array.isArray(result['supportedVersions'])
  } catch (error) {
    // An answer that is no JSON-RPC, and any 5xx, says nothing of the era. What cannot be reached at all is not asked again.
    if (
      UpstreamError.is(error) &&
      (error.reason === 'not_a_message' ||
        error.reason === 'upstream_status' ||
        error.reason === 'bad_content_type')
    ) {
      return error.status !== undefined && error.status >= 500 ? undefined : false
    }
    throw error
  }
}

/** Opens a session and ends it. Gives whether the answer was that of a server of the older era, and not just any. */
const initializeOnce = async (
  endpoint: UpstreamEndpoint,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<boolean> => {
  const [protocolVersion = ''] = LEGACY_VERSIONS
  const reply = await endpoint.sendProbe({
    message: encodeRequest({
      id: PROBE_ID,
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: options.clientInfo },
    }),
    method: 'initialize',
    timeoutMs: options.timeoutMs,
    signal,
  })
  const { sessionId } = reply
  let response: Readonly<Record<string, unknown>>
  try {
    response = await readResponse(reply, PROBE_ID)
  } finally {
    if (sessionId !== undefined) {
      // Past the end of the probe as well, or the session would be left behind. Not every server lets a client end its
      // session; it works all the same.
      const ending = AbortSignal.timeout(Math.min(options.timeoutMs, END_SESSION_MS))
      await endpoint.endSession(sessionId, protocolVersion, ending).catch(() => {})
    }
  }
  const result = response['result']
  if (isJsonObject(result)) return typeof result['protocolVersion'] === 'string'
  const error = response['error']
  // Its own words are left out: they may be of any length, and repeat what it was sent.
  const code =
    isJsonObject(error) && typeof error['code'] === 'number' ? ` (JSON-RPC error ${error['code']})` : ''
  throw new UpstreamError('not_a_message', `the server refuses to initialise${code}`)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
