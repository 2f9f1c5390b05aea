import type { ServerView } from '../gateway-client/gateway-client.ts'
import { redactedArguments, redactedUrl } from '../output/redact.ts'

export interface ExportedServers {
  /** By name, in the form that clients and `mreg import` read. */
  readonly mcpServers: Readonly<Record<string, unknown>>
  /** Variables that stand where a secret belongs. */
  readonly variables: readonly string[]
  /** What could not be written down whole. */
  readonly notes: readonly string[]
}

/** Registered servers in the form of an `mcpServers` file, with variables in the places of their secrets. */
export const exportedServers = (servers: readonly ServerView[]): ExportedServers => {
  const variables = new Set<string>()
  const notes: string[] = []
  const mcpServers: Record<string, unknown> = {}
  for (const { slug, title, description, endpoints } of servers) {
    const [endpoint] = endpoints
    if (endpoint === undefined) continue
    if (endpoints.length > 1)
      notes.push(`${slug}: only the first of its ${endpoints.length} endpoints fits into this form`)
    const { url, command, args = [] } = endpoint
    const placeholders = (names: readonly string[], prefix: string): Record<string, string> =>
      Object.fromEntries(
        names.map((name) => {
          const variable = prefix === '' ? name : variableName(`${prefix}_${name}`)
          variables.add(variable)
          return [name, `\${${variable}}`]
        }),
      )
    if (url !== undefined && redactedUrl(url) !== url)
      notes.push(`${slug}: what looks like a secret in its URL is left out`)
    if (redactedArguments(args).some((shown, index) => shown !== args[index]))
      notes.push(`${slug}: what looks like a secret in its arguments is left out`)
    mcpServers[slug] = {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...(url === undefined
        ? {
            command,
            args: redactedArguments(args),
            ...(endpoint.cwd === undefined ? {} : { cwd: endpoint.cwd }),
          }
        : { type: endpoint.transport === 'sse' ? 'sse' : 'http', url: redactedUrl(url) }),
      ...(endpoint.headerNames.length === 0 ? {} : { headers: placeholders(endpoint.headerNames, slug) }),
      ...(endpoint.envNames.length === 0 ? {} : { env: placeholders(endpoint.envNames, '') }),
    }
  }
  return { mcpServers, variables: [...variables], notes }
}

const variableName = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z\d]+/gu, '_')
