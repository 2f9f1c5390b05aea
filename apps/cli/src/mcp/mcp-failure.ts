import { McpError } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

import { CommandFailure } from '../command-failure.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { NoGatewayError } from '../gateway-client/no-gateway-error.ts'

/** What the gateway adds to errors of its own. */
const dataSchema = z.object({ reason: z.string(), retryAfterMs: z.number().optional() })

/** An error of the MCP client as a failure of the command: the gateway's own words, and what to do about it. */
export const mcpFailure = (error: unknown, slug: string, gatewayUrl: string): CommandFailure => {
  if (CommandFailure.is(error)) return error
  if (error instanceof McpError) {
    const data = dataSchema.safeParse(error.data).data
    return new CommandFailure(data?.reason ?? 'mcp_error', error.message.replace(/^MCP error -?\d+: /u, ''), {
      cause: error,
      exitCode: data?.reason.endsWith('_not_found') === true ? EXIT_CODE.refused : EXIT_CODE.failed,
      hints: hintsFor(data?.reason, slug),
    })
  }
  const status = error instanceof Error && 'code' in error ? error.code : undefined
  const body = error instanceof Error ? jsonRpcErrorIn(error.message) : undefined
  if (body !== undefined) {
    return new CommandFailure(body.reason, body.message, {
      cause: error,
      exitCode: typeof status === 'number' && status < 500 ? EXIT_CODE.refused : EXIT_CODE.failed,
      hints: hintsFor(body.reason, slug),
    })
  }
  if (error instanceof TypeError)
    return new NoGatewayError(`the gateway at ${gatewayUrl} no longer answers`, [gatewayUrl], {
      cause: error,
    })
  return new CommandFailure('mcp_error', error instanceof Error ? error.message : String(error), {
    cause: error,
    hints: hintsFor(undefined, slug),
  })
}

const bodySchema = z.object({
  error: z.object({ message: z.string(), data: z.object({ reason: z.string() }) }),
})

/** The transport puts the body of a refused request at the end of its message. */
const jsonRpcErrorIn = (message: string): { message: string; reason: string } | undefined => {
  const start = message.indexOf('{')
  if (start === -1) return undefined
  try {
    const { error } = bodySchema.parse(JSON.parse(message.slice(start)))
    return { message: error.message, reason: error.data.reason }
  } catch {
    return undefined
  }
}

const hintsFor = (reason: string | undefined, slug: string): string[] => {
  switch (reason ?? '') {
    case 'toolset_not_found':
      return ['Toolsets are listed by the gateway at /api/v1/toolsets.']
    case 'server_not_found':
      return ['See what is registered with: mreg list']
    case 'key_missing':
    case 'key_invalid':
      return ['This gateway wants a key for calls; set MREG_KEY.']
    case 'needs_login':
      return [`Log in in the browser with: mreg login ${slug}`, `Find out more with: mreg doctor ${slug}`]
    default:
      return [
        `See how it is doing with: mreg show ${slug}`,
        `Find out what is wrong with: mreg doctor ${slug}`,
      ]
  }
}
