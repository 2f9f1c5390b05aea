import got, { type Got } from 'got'

import { createFailure } from '../failure.ts'
import { HttpPoolError } from '../http-pool-error.ts'
import type { HttpPool } from '../http-pool.ts'
import { resolveTimeouts } from '../timeouts.ts'
import { GotExchange } from './got-exchange.ts'
import type { HttpClient, HttpClientOptions, HttpClientRequest, HttpClientResponse } from './http-client.ts'
import { Retries } from './retries.ts'
import { resolveRetryOptions } from './retry-options.ts'
import { sendThroughProxy } from './send-through-proxy.ts'

const DEFAULT_TOTAL_MS = 60_000

/**
 * A client for whole answers over the connections of `pool`, on got. The pool owns the connections: close it, not the
 * client.
 */
export const createHttpClient = (pool: HttpPool, options: HttpClientOptions = {}): HttpClient => {
  const instance: Got = got.extend({
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    decompress: false,
    headers: {
      'user-agent': pool.options.userAgent,
      accept: 'application/json',
      'accept-encoding': 'identity',
    },
  })
  const timeouts = resolveTimeouts(options.timeouts, { ...pool.options.timeouts, totalMs: DEFAULT_TOTAL_MS })
  const maxBytes = options.maxResponseBytes ?? pool.options.maxResponseBytes

  const retries = new Retries()

  const send = async (
    url: URL,
    method: string,
    sent: HttpClientRequest,
    deadlineAtMs: number,
  ): Promise<HttpClientResponse> => {
    const limits = resolveTimeouts(sent.timeouts, timeouts)
    const place = await pool.reserve(url, { signal: sent.signal, queueMs: limits.queueMs })
    const exchange = new GotExchange(instance, {
      url,
      method,
      headers: requestHeaders(options.headers, sent),
      agents: pool.agentsFor(sent.tls ?? options.tls),
      send: sendThroughProxy(pool.options.proxy, url),
      body: sent.json === undefined ? sent.body : JSON.stringify(sent.json),
      timeouts: limits,
      leftMs: Math.max(1, deadlineAtMs - performance.now()),
      maxBytes: sent.maxResponseBytes ?? maxBytes,
      maxHeaderBytes: pool.options.maxHeaderBytes,
      callerSignal: sent.signal,
      poolSignal: place.signal,
    })
    try {
      return await exchange.run()
    } finally {
      place.release()
    }
  }

  const request = async (
    urlOrText: URL | string,
    sent: HttpClientRequest = {},
  ): Promise<HttpClientResponse> => {
    const url = typeof urlOrText === 'string' ? parseUrl(urlOrText) : urlOrText
    const method = sent.method?.toUpperCase() ?? 'GET'
    const deadlineAtMs = performance.now() + resolveTimeouts(sent.timeouts, timeouts).totalMs
    const once = (): Promise<HttpClientResponse> => send(url, method, sent, deadlineAtMs)
    const retry = sent.retry ?? options.retry ?? false
    if (retry === false) return await once()
    const { signal } = sent
    const resolved = resolveRetryOptions(retry === true ? {} : retry)
    return await retries.run({ origin: url.origin, method, deadlineAtMs, signal }, resolved, once)
  }

  return {
    request,
    get: (url, sent) => request(url, { ...sent, method: 'GET' }),
    post: (url, sent) => request(url, { ...sent, method: 'POST' }),
    json: async (url, sent) => {
      const response = await request(url, sent)
      if (response.status < 200 || response.status > 299) {
        const { origin } = new URL(url)
        throw createFailure('bad_status', { origin, requestSent: true, limit: response.status })
      }
      return response.json()
    },
  }
}

const requestHeaders = (
  defaults: Readonly<Record<string, string>> = {},
  { headers, json }: HttpClientRequest,
): Record<string, string> => {
  const merged: Record<string, string> = json === undefined ? {} : { 'content-type': 'application/json' }
  for (const fields of [defaults, headers ?? {}]) {
    for (const [name, value] of Object.entries(fields)) merged[name.toLowerCase()] = value
  }
  return merged
}

const parseUrl = (text: string): URL => {
  const url = URL.parse(text)
  if (url !== null) return url
  // The text is not repeated: it may hold a credential.
  throw new HttpPoolError('not a valid URL: give an absolute http or https URL', {
    reason: 'invalid_url',
    requestSent: false,
  })
}
