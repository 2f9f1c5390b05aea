import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import type { ServerFigures, ServerView } from '../gateway-client/gateway-client.ts'
import { examplesHelp } from '../output/examples.ts'
import { balancerText, circuitText, serverFigures, trafficText } from '../output/figures-text.ts'
import type { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'
import { redactedServer } from '../output/redact.ts'
import { nameList, type ReviewNeeds, reviewNeeds } from '../output/review-text.ts'
import { addressOf, ageText, liveText, probeText, statusText } from '../output/server-text.ts'

/** `mreg show NAME`: everything about one server. */
export const registerShow = (program: Command): void => {
  program
    .command('show')
    .summary('show one server')
    .description('Shows everything that is known of a server. Of its secrets, only the names.')
    .argument('<name>', 'the name that it is registered under')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg show everything', 'how it is doing and how clients reach it'],
        ['mreg show everything --json', 'the same for a script'],
      ]),
    )
    .action(async (name: string, _options: object, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      const server = redactedServer(await gateway.get(name))
      const [needs, figures] = await Promise.all([
        reviewNeeds(gateway, server.slug),
        serverFigures(gateway, server.slug),
      ])
      context.output.result({ ...server, ...needs, figures }, () =>
        serverDetails(context.output, server, gateway.gateway.url, needs, figures),
      )
    })
}

/**
 * All about a server, in lines.
 *
 * @param figures what the gateway was asked of it; undefined: nothing is said of it.
 * @param needs what of it waits for somebody or is off; undefined: it is not known, and nothing is said of it.
 */
export const serverDetails = (
  output: Output,
  server: ServerView,
  gatewayUrl: string,
  needs?: ReviewNeeds,
  figures?: ServerFigures,
): string => {
  const figuresOf = new Map(figures?.endpoints.map((each) => [each.id, each]))
  const facts: [string, string | undefined][] = [
    ['Title', server.title],
    ['Description', server.description],
    ['Version', server.version],
    ['Tags', server.tags.join(', ') || undefined],
    ['Visibility', server.visibility],
    ['For clients', `${gatewayUrl}/mcp/${server.slug}`],
    ['Settings', Object.keys(server.settings).length === 0 ? undefined : JSON.stringify(server.settings)],
    ['To approve', waitingText(server.slug, needs)],
    ['Switched off', needs === undefined || needs.off.length === 0 ? undefined : nameList(needs.off)],
    ['Asked of it', figures && trafficText(figures)],
    ['Managed by', server.managedBy === 'api' ? undefined : server.managedBy],
    ['Changed', `${ageText(server.updatedAt)} (revision ${server.revision})`],
  ]
  return [
    `${output.style('bold', server.slug)}  ${statusText(output, server.status)}`,
    ...factLines(facts),
    ...server.endpoints.flatMap((endpoint) => [
      '',
      `${endpoint.transport}  ${printable(addressOf(endpoint))}`,
      ...factLines([
        ['Status', statusText(output, endpoint.probe.status)],
        ['Found', probeText(endpoint) || undefined],
        ['Circuit', circuitText(figuresOf.get(endpoint.id))],
        ['Share', balancerText(figuresOf.get(endpoint.id))],
        ['Processes', liveText(endpoint)],
        ['Asked', ageText(endpoint.probe.probedAt)],
        ['Directory', endpoint.cwd],
        ['Headers', namesOnly(endpoint.headerNames)],
        ['Environment', namesOnly(endpoint.envNames)],
        ['Weight', endpoint.weight === 1 ? undefined : String(endpoint.weight)],
      ]),
    ]),
  ].join('\n')
}

const waitingText = (slug: string, needs: ReviewNeeds | undefined): string | undefined =>
  needs === undefined || needs.waiting.length === 0
    ? undefined
    : `${nameList(needs.waiting)} (mreg tools ${slug} --review)`

const factLines = (facts: readonly [string, string | undefined][]): string[] =>
  facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(13)}${value}`]))

const namesOnly = (names: readonly string[]): string | undefined =>
  names.length === 0 ? undefined : `${names.join(', ')} (kept encrypted)`
