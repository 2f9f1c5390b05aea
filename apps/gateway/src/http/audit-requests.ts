import type { AuditTrail } from '@mreg/access'
import { DEFAULT_TENANT } from '@mreg/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { callers, routeOf } from './principal.ts'

/** Codes of the problems with which requests were answered. */
const problems = new WeakMap<FastifyRequest, string>()

/** Takes note of why a request is refused, for the audit. */
export const noteProblem = (request: FastifyRequest, code: string): void => {
  problems.set(request, code)
}

/** Methods that change nothing. */
const LOOKING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429])

/** Writes down each change through the API and its outcome, and who was not let in. What MCP clients do is written down by the proxy. */
export const auditRequests = (app: FastifyInstance, trail: AuditTrail): void => {
  app.addHook('onResponse', async (request, reply) => {
    const isRefused = REFUSED.has(reply.statusCode)
    const isApi = /^(\/t\/:tenant)?\/api\/v1/u.test(request.routeOptions.url ?? '')
    if (!isRefused && (!isApi || LOOKING.has(request.method))) return
    const principal = callers.get(request)
    const code = problems.get(request)
    const event = {
      tenantId: principal?.tenantId ?? DEFAULT_TENANT,
      principalId: principal?.id ?? 'anonymous',
      action: isApi ? routeOf(request) : `${request.method} ${request.routeOptions.url ?? '/'}`,
      objectId: objectOf(request, reply),
      outcome: outcomeOf(reply.statusCode),
      requestId: request.id,
      details: { status: reply.statusCode, ...(code === undefined ? {} : { code }), address: request.ip },
    } as const
    if (isRefused) trail.recordRefusal(event)
    else trail.record(event)
  })
}

const outcomeOf = (status: number): 'success' | 'denied' | 'failure' => {
  if (status < 400) return 'success'
  return REFUSED.has(status) ? 'denied' : 'failure'
}

/** What the path names, or what was made. */
const objectOf = ({ params }: FastifyRequest, reply: FastifyReply): string | undefined => {
  const named = Object.entries(Object(params)).findLast(([name]) => name !== 'tenant')?.[1]
  const location = reply.getHeader('location')
  const text =
    typeof named === 'string' ? named : typeof location === 'string' ? location.split('/').at(-1) : undefined
  return text?.replaceAll('\0', '\u{FFFD}').slice(0, 512)
}
