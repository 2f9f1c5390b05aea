import {
  readResponse,
  LegacySession,
  type LegacySessionSeed,
  type UpstreamEndpoint,
} from '../../src/index.ts'
import { initialize, initialized, PROTOCOL_VERSION } from './messages.ts'

/** What a client's token says of its session. */
export const seedOf = (more: Partial<LegacySessionSeed> = {}): LegacySessionSeed => ({
  id: 'session',
  protocolVersion: PROTOCOL_VERSION,
  clientCapabilities: { roots: { listChanged: true } },
  clientInfo: { name: 'the client', version: '7' },
  opened: undefined,
  ...more,
})

/** A session that was opened at the upstream as a client does it. */
export const openSession = async (endpoint: UpstreamEndpoint): Promise<LegacySession> => {
  const reply = await endpoint.send(initialize)
  const { sessionId } = reply
  await readResponse(reply)
  await endpoint.send({ ...initialized, sessionId })
  return new LegacySession(seedOf({ opened: { sessionId } }), endpoint)
}
