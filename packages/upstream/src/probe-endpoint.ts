import type { EndpointProbe } from '@mreg/core'
import {
  encodeRequest,
  isRecognisedModernError,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSIONS,
} from '@mreg/mcp-wire'

import { isJsonObject } from './json-object.ts'
import { endProbeSession } from './probe-session.ts'
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
  /**
   * The same will be asked again and again: a session with an endpoint of the older era is kept for that, one for each endpoint.
   * Default false: it is ended at once.
   */
  readonly keepSession?: boolean | undefined
  /** Two clocks, because a sleeping machine stops one of them. Default: the wall's, and one that never goes back. */
  readonly now?: (() => { readonly wallMs: number; readonly monotonicMs: number }) | undefined
}

const PROBE_ID = 'mreg-probe'

/**
 * Asks an endpoint, in the words of its protocol, whether it works: `server/discover` first, and when it
 * does not know that, `initialize`. The session is ended, so that none is left behind, or kept, and then only asked `ping` the next time.
 *
 * Never throws for what the endpoint does. A good probe closes the endpoint's circuit. A failure that the machine slept
 * through is not believed: it asks once more.
 */
export const probeEndpoint = async (
  endpoint: UpstreamEndpoint,
  options: ProbeOptions,
): Promise<EndpointProbe> => {
  let startedAt = performance.now()
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
  const now = options.now ?? clocks
  const before = now()
  const found = await probeHttp(endpoint, options)
  const after = now()
  const tookMs = Math.max(after.wallMs - before.wallMs, after.monotonicMs - before.monotonicMs)
  const hasSlept = tookMs > options.timeoutMs + LATE_MS
  if (found.status !== 'unhealthy' || !hasSlept || options.signal?.aborted === true) return result(found)
  // Its deadline has passed, and its connection has died, while this machine slept: that says nothing of the endpoint.
  startedAt = performance.now()
  return result(await probeHttp(endpoint, options))
}

/** A probe ends so much later than its deadline at most, in milliseconds, or the machine has slept meanwhile. */
const LATE_MS = 1_000

const clocks: NonNullable<ProbeOptions['now']> = () => ({
  wallMs: Date.now(),
  monotonicMs: performance.now(),
})

/** Asks an endpoint that is reached by a URL once, within the deadline. */
const probeHttp = async (
  endpoint: UpstreamEndpoint,
  options: ProbeOptions,
): Promise<Pick<EndpointProbe, 'status' | 'era' | 'message'>> => {
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  try {
    if (options.keepSession === true && (await endpoint.probeSession.ping(options.timeoutMs, signal))) {
      endpoint.breaker.reset()
      return { status: 'healthy', era: 'legacy', message: undefined }
    }
    const modern = await answersDiscover(endpoint, options, signal)
    if (modern === true) endpoint.era.learn({ modern })
    else if (await initializeOnce(endpoint, options, signal)) endpoint.era.learn({ modern, legacy: true })
    endpoint.breaker.reset()
    return { status: 'healthy', era: modern === true ? 'modern' : 'legacy', message: undefined }
  } catch (error) {
    if (UpstreamError.is(error) && error.reason === 'needs_login') {
      return { status: 'needs_login', era: undefined, message: error.message }
    }
    const message = deadline.aborted ? `no answer within ${options.timeoutMs} ms` : messageOf(error)
    return { status: 'unhealthy', era: undefined, message }
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

/** Opens a session, and ends it or keeps it. Gives whether the answer was that of a server of the older era, and not just any. */
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
  let version = protocolVersion
  let isKept = false
  try {
    const { result, error } = await readResponse(reply, PROBE_ID)
    if (!isJsonObject(result)) throw refusal(error)
    const { protocolVersion: agreed } = result
    if (typeof agreed === 'string') version = agreed
    // Of the oldest transport, a session is a connection.
    const mayKeep = options.keepSession === true && endpoint.target.endpoint.transport === 'streamable-http'
    if (sessionId !== undefined && mayKeep && typeof agreed === 'string') {
      isKept = true
      await endpoint.probeSession.keep({ sessionId, protocolVersion: version }, options.timeoutMs, signal)
    }
    return typeof agreed === 'string'
  } finally {
    if (sessionId !== undefined && !isKept)
      await endProbeSession(endpoint, { sessionId, protocolVersion: version })
  }
}

/** Its own words are left out: they may be of any length, and repeat what it was sent. */
const refusal = (error: unknown): UpstreamError => {
  const code =
    isJsonObject(error) && typeof error['code'] === 'number' ? ` (JSON-RPC error ${error['code']})` : ''
  return new UpstreamError('not_a_message', `the server refuses to initialise${code}`)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
