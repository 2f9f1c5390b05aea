import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import type { ServerView, ToolsetView } from '../gateway-client/gateway-client.ts'
import { examplesHelp } from '../output/examples.ts'
import { warningsFor } from '../output/offer-text.ts'
import type { Output } from '../output/output.ts'
import { redactedServer } from '../output/redact.ts'
import { addressOf, ageText, statusText } from '../output/server-text.ts'

interface ListOptions {
  readonly q?: string
  readonly tag?: string
  readonly transport?: string
  readonly status?: string
}

/** `mreg list`: what is registered, and how it is doing. */
export const registerList = (program: Command): void => {
  program
    .command('list')
    .alias('ls')
    .summary('list the registered servers')
    .description(
      'Lists the registered servers and how they were found when they were last asked, and the toolsets; with the number of their tools, and about how many tokens a model reads when it is shown them, once clients have used /mcp.',
    )
    .option('-q, --q <text>', 'only those with this text in their name, title or description')
    .option('--tag <tag>', 'only those with this tag')
    .option('--transport <transport>', 'only streamable-http, sse or stdio')
    .option('--status <status>', 'only healthy, degraded, unhealthy, needs_login, unknown or maintenance')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg list', 'everything'],
        ['mreg list --status unhealthy', 'what needs a look'],
        [`mreg list --json | jq -r '.items[].slug'`, 'the names, for a script'],
      ]),
    )
    .action(async ({ q, tag, transport, status }: ListOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const gateway = await connectToGateway(context)
      const servers = (await gateway.list({ q, tag, transport, status })).map(redactedServer)
      const toolsets = output.json || servers.length === 0 ? [] : await gateway.toolsets()
      output.result({ items: servers }, () => {
        if (servers.length > 0) {
          const serverTable = output.table<ServerView>(
            [
              { title: 'NAME', value: ({ slug }) => slug },
              {
                title: 'STATUS',
                value: (server) => server.status,
                style: (text, server) => statusText(output, server.status, text),
              },
              { title: 'TRANSPORT', value: ({ endpoints }) => transportsOf(endpoints) },
              { title: 'ADDRESS', value: ({ endpoints }) => addressesOf(endpoints), flexible: true },
              { title: 'TOOLS', value: ({ offer }) => offer?.tools.toString() ?? '-' },
              { title: '~TOKENS', value: ({ offer }) => offer?.estimatedTokens.toLocaleString('en') ?? '-' },
              { title: 'ASKED', value: ({ endpoints }) => ageText(latestProbe(endpoints)) },
            ],
            servers,
          )
          return [serverTable, ...toolsetLines(toolsets, output), ...warnings(servers, toolsets)].join('\n')
        }
        return [q, tag, transport, status].some((filter) => filter !== undefined)
          ? 'No registered server matches.'
          : 'Nothing is registered yet. Register a server with: mreg add NAME URL\nor take over what a client has: mreg import FILE'
      })
    })
}

const toolsetLines = (toolsets: readonly ToolsetView[], output: Output): string[] =>
  toolsets.length === 0
    ? []
    : [
        '',
        output.table<ToolsetView>(
          [
            { title: 'TOOLSET', value: ({ slug }) => `sets/${slug}` },
            { title: 'TOOLS', value: ({ offer }) => offer?.tools.toString() ?? '-' },
            { title: '~TOKENS', value: ({ offer }) => offer?.estimatedTokens.toLocaleString('en') ?? '-' },
          ],
          toolsets,
        ),
      ]

const warnings = (servers: readonly ServerView[], toolsets: readonly ToolsetView[]): string[] => {
  const named = [
    ...servers.map(({ slug, offer }) => ({ name: slug, offer })),
    ...toolsets.map(({ slug, offer }) => ({ name: `sets/${slug}`, offer })),
  ]
  const lines = warningsFor(named)
  return lines.length === 0 ? [] : ['', ...lines]
}

type Endpoints = ServerView['endpoints']

const transportsOf = (endpoints: Endpoints): string =>
  [...new Set(endpoints.map(({ transport }) => transport))].join(', ')

const addressesOf = (endpoints: Endpoints): string => {
  const [first] = endpoints
  if (first === undefined) return ''
  return endpoints.length === 1 ? addressOf(first) : `${addressOf(first)} (+${endpoints.length - 1})`
}

const latestProbe = (endpoints: Endpoints): string | undefined =>
  endpoints
    .flatMap(({ probe }) => probe.probedAt ?? [])
    .toSorted()
    .at(-1)
