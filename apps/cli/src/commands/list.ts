import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import type { ServerView } from '../gateway-client/gateway-client.ts'
import { examplesHelp } from '../output/examples.ts'
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
    .description('Lists the registered servers and how they were found when they were last asked.')
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
      output.result({ items: servers }, () => {
        if (servers.length > 0) {
          return output.table<ServerView>(
            [
              { title: 'NAME', value: ({ slug }) => slug },
              {
                title: 'STATUS',
                value: (server) => server.status,
                style: (text, server) => statusText(output, server.status, text),
              },
              { title: 'TRANSPORT', value: ({ endpoints }) => transportsOf(endpoints) },
              { title: 'ADDRESS', value: ({ endpoints }) => addressesOf(endpoints), flexible: true },
              { title: 'ASKED', value: ({ endpoints }) => ageText(latestProbe(endpoints)) },
            ],
            servers,
          )
        }
        return [q, tag, transport, status].some((filter) => filter !== undefined)
          ? 'No registered server matches.'
          : 'Nothing is registered yet. Register a server with: mreg add NAME URL\nor take over what a client has: mreg import FILE'
      })
    })
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
