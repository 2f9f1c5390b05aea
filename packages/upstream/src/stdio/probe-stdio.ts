import type { EndpointProbe } from '@mreg/core'
import { UpstreamTransportError } from '@mreg/mcp-transports'

import { asUpstreamError } from '../upstream-failure.ts'
import { Patience } from './patience.ts'
import type { StdioServer } from './stdio-server.ts'

/** How much of what a process wrote to its standard error a probe tells. */
const TOLD = { lines: 5, characters: 1_000 }

/** What the probe of a server that is a process found, without who and when. Never throws. */
export const probeStdio = async (
  server: StdioServer,
  options: {
    readonly timeoutMs: number
    readonly isRoutine: boolean
    readonly signal?: AbortSignal | undefined
  },
): Promise<Pick<EndpointProbe, 'status' | 'era' | 'message'>> => {
  try {
    // A start under way is not waited for by somebody who is told to end.
    const patience = new Patience(Number.POSITIVE_INFINITY, options.signal)
    const { busyWith, era } = await patience.wait(server.probe(options))
    if (busyWith === 0) return { status: 'healthy', era, message: undefined }
    const message = `does not answer a ping while ${busyWith} calls are under way`
    return { status: 'degraded', era, message }
  } catch (error) {
    return { status: 'unhealthy', era: undefined, message: messageOf(error) }
  }
}

/** What went wrong, in the words of the process itself where it had any: they are for its operator. */
const messageOf = (error: unknown): string => {
  if (!UpstreamTransportError.is(error)) return asUpstreamError(error).message
  const told = error.errorLines.slice(-TOLD.lines).join('\n')
  return (told === '' ? error.message : `${error.message}; its last words: ${told}`).slice(0, TOLD.characters)
}
