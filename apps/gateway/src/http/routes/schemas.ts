import * as z from 'zod'

const statusSchema = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy', 'needs_login', 'maintenance'])

const probeSchema = z.object({
  status: statusSchema,
  era: z.enum(['modern', 'legacy']).optional().describe('The protocol era that it speaks.'),
  latencyMs: z.number().optional(),
  message: z.string().optional().describe('What went wrong.'),
  probedAt: z.iso.datetime().optional(),
})

const liveSchema = z.object({
  state: z
    .enum(['starting', 'running', 'stopped', 'failed'])
    .describe(
      'Stopped until somebody needs it; failed when the last process could not be started or ended by itself.',
    ),
  processes: z.number().describe('How many there are at this moment.'),
  lastErrorLine: z.string().optional().describe('The last line that one wrote to its standard error.'),
})

const endpointSchema = z.object({
  id: z.string(),
  transport: z.enum(['streamable-http', 'sse', 'stdio']),
  url: z.string().optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  cwd: z.string().optional(),
  weight: z.number(),
  headerNames: z.array(z.string()).describe('Headers whose values are kept encrypted.'),
  envNames: z.array(z.string()).describe('Environment variables whose values are kept encrypted.'),
  probe: probeSchema,
  live: liveSchema.optional().describe('For commands: what their processes are doing in this gateway.'),
})

/** A registered server, as the API shows it. */
export const serverSchema = z.object({
  id: z.string(),
  slug: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  version: z.string().optional(),
  tags: z.array(z.string()),
  visibility: z.enum(['private', 'public']),
  status: statusSchema,
  settings: z.record(z.string(), z.unknown()),
  managedBy: z.string(),
  revision: z.number(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  endpoints: z.array(endpointSchema),
})

const checkSchema = z.object({
  endpointId: z.string(),
  ...probeSchema.omit({ probedAt: true }).shape,
  checkedAt: z.iso.datetime(),
})

/** How a server is doing, and a page of what probes found. */
export const healthSchema = z.object({
  ...serverSchema.pick({ id: true, slug: true, status: true, endpoints: true }).shape,
  history: z
    .object({ items: z.array(checkSchema), nextCursor: z.string().optional() })
    .describe('What probes found, newest first.'),
})

export const serverListSchema = z.object({ items: z.array(serverSchema), nextCursor: z.string().optional() })

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.number(),
  code: z.string().describe('Stable; clients may switch on it.'),
  detail: z.string(),
  requestId: z.string(),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})
