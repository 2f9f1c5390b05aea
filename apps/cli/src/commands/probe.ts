import type { Command } from 'commander'

import { usageFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import { EXIT_CODE } from '../exit-code.ts'
import type { ServerView } from '../gateway-client/gateway-client.ts'
import { examplesHelp } from '../output/examples.ts'
import { redactedServer } from '../output/redact.ts'
import { probeText, statusText } from '../output/server-text.ts'

/** At so many servers at once. */
const CONCURRENCY = 6

/** `mreg probe NAME…`: asks servers now whether they work. */
export const registerProbe = (program: Command): void => {
  program
    .command('probe')
    .summary('ask servers now whether they work')
    .description(
      'Has the gateway ask servers now whether they work. The exit code is 1 when one of them does not.',
    )
    .argument('[names...]', 'the names that they are registered under')
    .option('--all', 'every registered server')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg probe everything', 'one server'],
        ['mreg probe --all', 'all of them'],
      ]),
    )
    .action(async (names: string[], { all = false }: { all?: boolean }, command: Command) => {
      if (all === names.length > 0) throw usageFailure('name servers, or give --all')
      const context = contextOf(command)
      const { output } = context
      const gateway = await connectToGateway(context)
      const wanted = all ? (await gateway.list()).map(({ slug }) => slug) : names
      const servers: ServerView[] = []
      await output.during(`asking ${wanted.length} servers`, async (progress) => {
        const left = [...wanted]
        const ask = async (): Promise<void> => {
          for (let name = left.shift(); name !== undefined; name = left.shift()) {
            servers.push(redactedServer(await gateway.probe(name)))
            progress.update(`asking ${wanted.length} servers (${servers.length} have answered)`)
          }
        }
        await Promise.all(Array.from({ length: CONCURRENCY }, ask))
      })
      servers.sort((one, other) => one.slug.localeCompare(other.slug))
      output.result({ items: servers }, () =>
        servers.length === 0
          ? 'Nothing is registered.'
          : output.table<ServerView>(
              [
                { title: 'NAME', value: ({ slug }) => slug },
                {
                  title: 'STATUS',
                  value: ({ status }) => status,
                  style: (text, { status }) => statusText(output, status, text),
                },
                {
                  title: 'FOUND',
                  value: ({ endpoints }) => endpoints.map(probeText).join('; '),
                  flexible: true,
                },
              ],
              servers,
            ),
      )
      if (servers.some(({ status }) => status !== 'healthy')) process.exitCode = EXIT_CODE.failed
    })
}
