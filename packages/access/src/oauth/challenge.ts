import { HttpPoolError } from '@mreg/http-pool'
import type { HttpClient } from '@mreg/http-pool/got'

/** What a server says about its login when it refuses a request (RFC 6750, section 3; RFC 9728, section 5.1). */
export interface Challenge {
  /** Where the metadata of the protected resource is; undefined: at the well-known path. */
  readonly resourceMetadata: string | undefined
  /** What to ask for, separated by blanks. */
  readonly scope: string | undefined
}

const NO_CHALLENGE: Challenge = { resourceMetadata: undefined, scope: undefined }

/** `name=token` or `name="text"` (RFC 9110, section 11.2). */
const PARAMETER = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^\s,"]+))/gu

/** The `Bearer` challenge in a `WWW-Authenticate` header; without one, nothing is said. */
export const parseChallenge = (header: string | undefined): Challenge => {
  const parameters = /(?:^|,\s*)bearer\s+(.*)$/isu.exec(header ?? '')?.[1]
  if (parameters === undefined) return NO_CHALLENGE
  // One parameter after the other, so that a name inside a quoted text is none.
  const values = new Map<string, string>()
  for (const [, name = '', quoted, token = ''] of parameters.matchAll(PARAMETER)) {
    const key = name.toLowerCase()
    if (!values.has(key)) values.set(key, quoted?.replaceAll(/\\(.)/gsu, '$1') ?? token)
  }
  return { resourceMetadata: values.get('resource_metadata'), scope: values.get('scope') }
}

const TIMEOUTS = { connectMs: 5000, headersMs: 10_000, idleMs: 5000, totalMs: 10_000 }

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'mreg-login',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'mreg', version: '1' },
  },
}

/** Knocks at a server without credentials, to hear how it wants to be asked. Silence is no challenge. */
export const askForChallenge = async (http: HttpClient, serverUrl: string): Promise<Challenge> => {
  try {
    const answer = await http.post(serverUrl, {
      json: INITIALIZE,
      headers: { accept: 'application/json, text/event-stream' },
      timeouts: TIMEOUTS,
      maxResponseBytes: 65_536,
    })
    return answer.status === 401 || answer.status === 403
      ? parseChallenge(answer.headers.get('www-authenticate'))
      : NO_CHALLENGE
  } catch (error) {
    // Unreachable, or a stream without end: the well-known path may answer all the same.
    if (HttpPoolError.is(error)) return NO_CHALLENGE
    throw error
  }
}
