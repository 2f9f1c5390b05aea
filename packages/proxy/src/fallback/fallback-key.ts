import { createHash } from 'node:crypto'

import { cacheKey } from '@mreg/cache'
import { classifyEra, HEADER, readValue } from '@mreg/mcp-wire'
import { isJsonObject } from '@mreg/upstream'

import type { RoutedMessage } from '../routed.ts'

/**
 * Under what the answer to a request is kept: the tenant, whom it is for, the server as it is registered now, the version of the
 * protocol that it is written in, the method and the parameters, whatever their order and without `_meta`.
 *
 * @param principalId undefined: for everybody in the tenant.
 */
export const fallbackKey = (message: RoutedMessage, principalId: string | undefined): string => {
  const { exchange, route, scanned } = message
  const { id, revision, tenantId } = route.server
  const era = classifyEra(scanned, exchange.header)
  const version = exchange.header(HEADER.protocolVersion) ?? ''
  const whom = principalId === undefined ? ['all'] : ['one', principalId]
  const method = scanned.method ?? ''
  // One digest, so that no part makes the key longer than keys may be.
  const digest = createHash('sha256')
  for (const part of [...whom, era, version, method, canonicalParams(message)]) digest.update(`${part}\0`)
  return cacheKey('fallback', tenantId, id, revision, digest.digest('base64url'))
}

const canonicalParams = ({ exchange, scanned }: RoutedMessage): string => {
  const params = scanned.paramsSpan && readValue(exchange.body, scanned.paramsSpan)
  if (!isJsonObject(params)) return ''
  // What a client is called and how it follows a request does not change what the answer is.
  const { _meta, clientInfo, ...rest } = params
  return JSON.stringify(scanned.method === 'initialize' ? rest : { ...rest, clientInfo }, inOrder)
}

/** Members in one order. Numbers are written as JSON.parse understood them. */
const inOrder = (_key: string, value: unknown): unknown =>
  isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
    : value
