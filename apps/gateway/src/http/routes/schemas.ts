import * as z from 'zod'

/** How a server or an endpoint is doing. */
export const statusSchema = z.enum([
  'unknown',
  'healthy',
  'degraded',
  'unhealthy',
  'needs_login',
  'maintenance',
])

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

/** How much a server or a toolset offers. */
export const offerSchema = z
  .object({
    tools: z.number(),
    estimatedTokens: z
      .number()
      .describe(
        'About what a model reads when it is shown all of them: a quarter of the bytes of their definitions.',
      ),
  })
  .describe('As far as this gateway has it in memory; missing: not known.')

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
  maintenance: z.boolean().describe('Whether it was taken out of service.'),
  settings: z.record(z.string(), z.unknown()),
  managedBy: z.string(),
  revision: z.number(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  endpoints: z.array(endpointSchema),
  offer: offerSchema.optional(),
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

const differenceSchema = z.object({
  path: z.string().describe('Where, such as inputSchema.properties.path.type.'),
  before: z.string().optional().describe('JSON, everything in it visible; missing when nothing was there.'),
  after: z.string().optional(),
})

const capabilitySchema = z.object({
  kind: z.enum(['tool', 'prompt', 'resource', 'resource_template']),
  name: z.string().describe('What the server calls it; the URI of a resource.'),
  exposedName: z.string().optional().describe('What clients of merged endpoints call it.'),
  state: z
    .enum(['accepted', 'changed', 'quarantined', 'disabled', 'gone'])
    .describe(
      '`changed` is served although nobody approved it; `quarantined` waits for that; `disabled` was switched off; `gone` is not offered any more.',
    ),
  principal: z.string().optional().describe('Whose list it is in; missing: everybody’s.'),
  observedHash: z.string().describe('Of the definition that was seen last.'),
  approvedHash: z.string().optional().describe('Of the definition that was approved.'),
  firstSeenAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime().describe('To within an hour.'),
  flags: z
    .array(z.object({ code: z.string(), detail: z.string() }))
    .describe('What stands out about it. Nothing is cut because of that.'),
  pending: z
    .object({ differences: z.array(differenceSchema), isCut: z.boolean() })
    .optional()
    .describe('How what is offered differs from what was approved.'),
})

/** What a server offers. */
export const capabilitiesSchema = z.object({
  items: z.array(capabilitySchema),
  nextCursor: z.string().optional(),
})

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
