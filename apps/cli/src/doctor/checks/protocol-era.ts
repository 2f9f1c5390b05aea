import { CommandFailure } from '../../command-failure.ts'
import { type Check, type Finding, ok, problem, skipped } from '../check.ts'

/** A server and a client that speak different revisions of the protocol, and nobody who translates. */
export const protocolEra: Check = {
  name: 'protocol-era',
  title: 'Protocol',
  needsServers: true,
  run: async (facts) => {
    const working = (await facts.serversIfAny()).filter(
      ({ status }) => status === 'healthy' || status === 'degraded',
    )
    if (working.length === 0) return [skipped('no server works')]
    return Promise.all(
      working.map(async ({ slug, endpoints }): Promise<Finding> => {
        const tools = await facts.tools(slug)
        if (!CommandFailure.is(tools)) return ok(`clients can talk to ${slug}`)
        const eras = new Set(endpoints.flatMap(({ probe }) => probe.era ?? []))
        return problem(
          `${slug} works, and clients of the 2025 revisions of MCP cannot talk to it: ${tools.message}`,
          eras.has('modern') && !eras.has('legacy')
            ? 'It speaks only the 2026 revision; use a client that does too, or an older version of the server.'
            : `Try another version of the server, or of the client. Look at it with: mreg show ${slug}`,
        )
      }),
    )
  },
}
