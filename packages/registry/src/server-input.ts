import { slugFault } from '@mreg/core'
import * as z from 'zod'

import { stdioEndpointInputSchema } from './stdio-endpoint-input.ts'

/** Headers that belong to the connection or to the gateway; an endpoint cannot set them. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'origin',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers that repeat arguments of a call. */
const RESERVED_PREFIX = 'mcp-param-'

/** RFC 9110, section 5.6.2: what a header may be called. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/u

/** RFC 9110, section 5.5: what a header may hold; no line break above all. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/u

const headersSchema = z
  .record(z.string(), z.string().max(8192))
  .superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      const fault = headerFault(name, value)
      if (fault !== undefined) context.addIssue({ code: 'custom', path: [name], message: fault })
    }
    const names = Object.keys(headers).map((name) => name.toLowerCase())
    if (new Set(names).size !== names.length)
      context.addIssue({ code: 'custom', message: 'names a header twice' })
    if (names.length > 50) context.addIssue({ code: 'custom', message: 'holds more than 50 headers' })
  })
  .describe('Sent with each request. Kept encrypted; never shown again.')

const headerFault = (name: string, value: string): string | undefined => {
  if (!HEADER_NAME.test(name)) return 'is not a header name'
  const known = name.toLowerCase()
  if (RESERVED_HEADERS.has(known) || known.startsWith(RESERVED_PREFIX)) return 'is set by the gateway itself'
  return HEADER_VALUE.test(value) ? undefined : 'holds characters that a header cannot carry'
}

const urlSchema = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    const fault = urlFault(text)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .describe('Where the server listens, such as http://127.0.0.1:3001/mcp.')

const urlFault = (text: string): string | undefined => {
  if (/[\p{Cc}\p{Z}]/u.test(text)) return 'must not hold blanks or control characters'
  if (!URL.canParse(text)) return 'must be a URL, such as http://127.0.0.1:3001/mcp'
  const { protocol, username, password, hash } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') return 'must start with http:// or https://'
  if (username !== '' || password !== '')
    return 'must not hold a user name or a password; put them into headers, which are kept encrypted'
  return hash === '' ? undefined : 'must not have a fragment (#…)'
}

const urlEndpointInputSchema = z.strictObject({
  transport: z
    .enum(['streamable-http', 'sse'])
    .describe('"sse" is HTTP+SSE, the transport of 2024-11-05, which some servers still speak.'),
  url: urlSchema,
  weight: z.int().min(1).max(1000).default(1).describe('Its share of the load beside the other endpoints.'),
  headers: headersSchema.optional(),
})

/** A way to a server, as a client gives it. */
const endpointInputSchema = z.discriminatedUnion(
  'transport',
  [urlEndpointInputSchema, stdioEndpointInputSchema],
  { error: 'must be "streamable-http", "sse" or "stdio"' },
)

const fallbackSchema = z.strictObject({
  maxStaleMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .optional()
    .describe(
      'How long past its ttlMs an older answer may stand in; 0: never. Default: fallback.maxStaleMs.',
    ),
  staleReads: z
    .boolean()
    .optional()
    .describe(
      'Whether resources and prompts may stand in although the server never said how long they are good. Models read them, and do not read how old they are. Default false.',
    ),
  sharePublic: z
    .boolean()
    .optional()
    .describe(
      'Whether what the server calls public stands in for every principal. For servers that you believe. Default false.',
    ),
  tools: z
    .record(z.string().min(1).max(256), z.strictObject({ ttlMs: z.int().min(1).max(86_400_000) }))
    .refine((tools) => Object.keys(tools).length <= 1000, 'names more than 1000 tools')
    .optional()
    .describe(
      'Tools whose results may stand in, and how long those are good. Only tools without side effects belong here.',
    ),
})

const balancingSchema = z.strictObject({
  strategy: z
    .enum(['peak-ewma', 'least-connections', 'round-robin', 'weighted', 'random', 'consistent-hash'])
    .optional()
    .describe(
      'Which endpoint gets a request: by default the one of two that is expected to answer first. With "consistent-hash", all requests of a principal go to one.',
    ),
  slowStartMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe(
      'How long an endpoint that came new or came back gets less than its share. Default 30000; 0: not at all.',
    ),
})

const changesSchema = z
  .strictObject({
    onNew: z.enum(['accept', 'quarantine']).optional(),
    onChange: z.enum(['accept', 'warn', 'quarantine']).optional(),
    whileQuarantined: z.enum(['hide', 'serve-last-approved']).optional(),
  })
  .describe(
    'What becomes of a tool, prompt or resource that nobody has approved: one that is new, one whose definition has changed, and what clients have of one that is held. What is left out follows the settings of the gateway.',
  )

const settingsSchema = z.strictObject({
  balancing: balancingSchema.optional().describe('How requests are spread over several endpoints.'),
  trusted: z
    .boolean()
    .optional()
    .describe(
      'Whether to believe the server that a tool is read-only or idempotent: a call of such a tool may then be sent once more when an endpoint breaks down under it. Default false.',
    ),
  isolation: z
    .enum(['principal', 'session', 'shared'])
    .optional()
    .describe(
      'Who shares a process of a server that is started by a command: the clients of one principal (default), none (each session has its own), or all; then it cannot ask its clients for anything.',
    ),
  login: z
    .enum(['shared', 'principal'])
    .optional()
    .describe(
      "Whose login a server that is reached by a URL is used with: one for everybody (default), or each principal's own; then nobody sees what the server lists for another.",
    ),
  fallback: fallbackSchema
    .optional()
    .describe('Which older answers may stand in while the server fails; they are marked in _meta.'),
  toolCallTimeoutMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .optional()
    .describe('The longest that a tools/call may take.'),
  requestTimeoutMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .optional()
    .describe('The longest that any other request may take.'),
  changes: changesSchema.optional(),
})

const tagsSchema = z.array(z.string().min(1).max(64)).max(50)
const endpointsSchema = z.array(endpointInputSchema).min(1, 'must hold at least one endpoint').max(100)
const visibilitySchema = z.enum(['private', 'public'])

/** What registers a server. */
export const serverInputSchema = z.strictObject({
  slug: z
    .string()
    .superRefine((slug, context) => {
      const fault = slugFault(slug)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    })
    .describe('Its name in URLs: 1 to 20 of a-z, 0-9 and "-". Never changes.'),
  title: z.string().max(200).optional(),
  description: z.string().max(4000).optional(),
  version: z.string().max(255).optional(),
  tags: tagsSchema.default([]),
  visibility: visibilitySchema.default('private'),
  endpoints: endpointsSchema,
  settings: settingsSchema.default({}),
})

/** What changes a server. What is left out stays; `null` empties it; `endpoints` replaces all of them. */
export const serverPatchSchema = z.strictObject({
  title: z.string().max(200).nullable().optional(),
  description: z.string().max(4000).nullable().optional(),
  version: z.string().max(255).nullable().optional(),
  tags: tagsSchema.optional(),
  visibility: visibilitySchema.optional(),
  endpoints: endpointsSchema.optional(),
  settings: settingsSchema.optional(),
  maintenance: z
    .boolean()
    .optional()
    .describe(
      'Takes the server out of service, or puts it back: while it is out, its status is `maintenance` and calls are refused.',
    ),
  revision: z
    .int()
    .min(1)
    .optional()
    .describe('The revision that the change is meant for; another one is answered 409.'),
})

export type ServerInput = z.input<typeof serverInputSchema>
/** The same, checked and with its defaults. */
export type ParsedServerInput = z.output<typeof serverInputSchema>
export type ServerPatch = z.input<typeof serverPatchSchema>
export type EndpointInput = z.output<typeof endpointInputSchema>
