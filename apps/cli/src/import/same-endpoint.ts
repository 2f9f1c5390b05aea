import type { ServerView } from '../gateway-client/gateway-client.ts'
import type { EndpointInput } from '../gateway-client/server-input.ts'

/** Whether a registered server has this endpoint alone: the same address, whatever its credentials. */
export const hasSameAddress = ({ endpoints }: ServerView, input: EndpointInput): boolean => {
  const [endpoint, ...more] = endpoints
  if (endpoint === undefined || more.length > 0 || endpoint.transport !== input.transport) return false
  if (input.transport !== 'stdio') return endpoint.url === input.url
  return (
    endpoint.command === input.command &&
    sameTexts(endpoint.args ?? [], input.args ?? []) &&
    (endpoint.cwd ?? '') === (input.cwd ?? '')
  )
}

/** Whether the credentials of a registered server have the names that this endpoint gives. Their values nobody sees. */
export const hasSameCredentialNames = ({ endpoints }: ServerView, input: EndpointInput): boolean => {
  const [endpoint] = endpoints
  if (endpoint === undefined) return false
  return input.transport === 'stdio'
    ? sameTexts(endpoint.envNames.toSorted(), Object.keys(input.env ?? {}).toSorted())
    : sameTexts(
        endpoint.headerNames.toSorted(),
        Object.keys(input.headers ?? {})
          .map((name) => name.toLowerCase())
          .toSorted(),
      )
}

const sameTexts = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, index) => text === other[index])
