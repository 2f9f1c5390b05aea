import { Readable } from 'node:stream'

import type { AuditLog, Authenticator } from '@mreg/access'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import * as z from 'zod'

import { principalOf, requireCaller } from '../principal.ts'
import { problemSchema } from './schemas.ts'

export interface AuditRoutesOptions {
  readonly authenticator: Authenticator
  readonly auditLog: AuditLog
}

const filter = z.object({
  principalId: z.string().max(512).optional().describe('Who did it.'),
  action: z.string().max(512).optional().describe('What was done, such as `tools/call` or `POST /servers`.'),
  objectId: z.string().max(512).optional().describe('To what: an id or a name.'),
  from: z.iso.datetime({ offset: true }).optional().describe('This moment and later.'),
  until: z.iso.datetime({ offset: true }).optional().describe('Before this moment.'),
})
const query = filter.extend({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

const eventSchema = z.object({
  id: z.string().describe('Unique; of the same event always the same.'),
  occurredAt: z.iso.datetime(),
  principalId: z.string(),
  action: z.string(),
  objectId: z.string().optional(),
  outcome: z.enum(['success', 'denied', 'failure']),
  requestId: z.string().optional(),
  details: z.record(z.string(), z.unknown()),
})
const listSchema = z.object({ items: z.array(eventSchema), nextCursor: z.string().optional() })

const failures = { 400: problemSchema, 401: problemSchema, 403: problemSchema, 503: problemSchema }
const common = { tags: ['audit'], security: [{ key: [] }] }
const config = { role: 'admin' } as const

type Filter = z.infer<typeof filter>

const filterOf = ({ from, until, ...rest }: Filter) => ({
  ...rest,
  from: from === undefined ? undefined : new Date(from),
  until: until === undefined ? undefined : new Date(until),
})

/** `/api/v1/audit`: who did what, in one tenant. */
export const auditRoutes: FastifyPluginAsyncZod<AuditRoutesOptions> = async (
  app,
  { auditLog, authenticator },
) => {
  requireCaller(app, authenticator)

  app.get(
    '/audit',
    {
      config,
      schema: {
        ...common,
        summary: 'List audit events, newest first',
        querystring: query,
        response: { 200: listSchema, ...failures },
      },
    },
    (request) => {
      const { cursor, limit, ...given } = request.query
      return auditLog.list(principalOf(request), { ...filterOf(given), cursor, limit })
    },
  )

  app.get(
    '/audit/export',
    {
      config,
      schema: {
        ...common,
        summary: 'Export audit events as NDJSON, newest first',
        querystring: filter,
        response: { 200: z.unknown().describe('One JSON object a line (NDJSON).'), ...failures },
      },
    },
    async (request, reply) => {
      const lines = auditLog.export(principalOf(request), filterOf(request.query))
      // What is wrong with the filter is said before anything is sent.
      const first = await lines.next()
      const rest = async function* (): AsyncGenerator<string, void, undefined> {
        if (first.done !== true) yield first.value
        yield* lines
      }
      return reply
        .headers({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
        .send(Readable.from(rest()))
    },
  )
}
