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

const settingsSchema = z.strictObject({
  isolation: z
    .enum(['principal', 'session', 'shared'])
    .optional()
    .describe(
      'Who shares a process of a server that is started by a command: the clients of one principal (default), none (each session has its own), or all; then it cannot ask its clients for anything.',
    ),
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
  revision: z
    .int()
    .min(1)
    .optional()
    .describe('The revision that the change is meant for; another one is answered 409.'),
})

export type ServerInput = z.input<typeof serverInputSchema>
export type ServerPatch = z.input<typeof serverPatchSchema>
export type EndpointInput = z.output<typeof endpointInputSchema>
