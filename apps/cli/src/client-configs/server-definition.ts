import * as z from 'zod'

/** A server as the file of a client defines it: variables such as `${env:X}` still stand in its texts. */
export type ServerDefinition = UrlDefinition | CommandDefinition

interface CommonDefinition {
  readonly disabled: boolean
  readonly title: string | undefined
  readonly description: string | undefined
}

export interface UrlDefinition extends CommonDefinition {
  readonly kind: 'url'
  readonly transport: 'streamable-http' | 'sse'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface CommandDefinition extends CommonDefinition {
  readonly kind: 'command'
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly envFile: string | undefined
  readonly cwd: string | undefined
}

const plainValue = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const texts = z
  .record(z.string(), plainValue.nullable())
  .transform((record) =>
    Object.fromEntries(
      Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== null),
    ),
  )
  .default({})

const schema = z.object({
  type: z.string().optional(),
  transport: z.string().optional(),
  url: z.string().optional(),
  serverUrl: z.string().optional(),
  httpUrl: z.string().optional(),
  headers: texts,
  command: z.string().optional(),
  args: z.array(plainValue).default([]),
  env: texts,
  envFile: z.string().optional(),
  cwd: z.string().nullish(),
  disabled: z.boolean().default(false),
  enabled: z.boolean().default(true),
  title: z.string().optional(),
  description: z.string().optional(),
})

/** The members of a definition that say how the server is reached; the others are the client's own business. */
export const CONNECTION_MEMBERS: ReadonlySet<string> = new Set([
  'type',
  'transport',
  'url',
  'serverUrl',
  'httpUrl',
  'headers',
  'command',
  'args',
  'env',
  'envFile',
  'cwd',
])

/**
 * Reads one server of a client's file.
 *
 * @returns the definition, or in words what is wrong with it. No value of the file is in those words.
 */
export const readServerDefinition = (value: unknown): ServerDefinition | { readonly fault: string } => {
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { fault: `${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`.trim() }
  }
  const { command, args, env, envFile, cwd, headers, disabled, enabled, title, description } = parsed.data
  const common = { disabled: disabled || !enabled, title, description }
  const url = parsed.data.url ?? parsed.data.httpUrl ?? parsed.data.serverUrl
  if (url !== undefined) {
    if (command !== undefined) return { fault: 'has both a URL and a command' }
    const kind = (parsed.data.type ?? parsed.data.transport)?.toLowerCase()
    return { ...common, kind: 'url', transport: kind === 'sse' ? 'sse' : 'streamable-http', url, headers }
  }
  if (command === undefined || command === '') return { fault: 'has neither a URL nor a command' }
  return { ...common, kind: 'command', command, args, env, envFile, cwd: cwd ?? undefined }
}
