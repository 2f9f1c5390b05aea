import { writeFile } from 'node:fs/promises'

import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import { exportedServers } from '../export/exported-servers.ts'
import { examplesHelp } from '../output/examples.ts'

/** `mreg export [FILE]`: what is registered, in the form that clients and `mreg import` read. */
export const registerExport = (program: Command): void => {
  program
    .command('export')
    .summary('write what is registered as mcpServers JSON')
    .description(
      'Writes the registered servers in the form of an mcpServers file, which mreg import and MCP clients read. The gateway gives no secret away: where one belongs, ${VARIABLE} stands.',
    )
    .argument('[file]', 'where to write it; standard output when left out')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg export', 'look at it'],
        ['mreg export servers.json', 'keep it, or take it to another machine and: mreg import servers.json'],
      ]),
    )
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const gateway = await connectToGateway(context)
      const { mcpServers, variables, notes } = exportedServers(await gateway.list())
      const content = `${JSON.stringify({ mcpServers }, null, 2)}\n`
      for (const note of notes) output.note(note)
      if (variables.length > 0) output.note(`To be set where this is imported: ${variables.join(', ')}`)
      const count = Object.keys(mcpServers).length
      if (file === undefined) output.result({ mcpServers }, () => content)
      else {
        await writeFile(file, content, { mode: 0o600 })
        output.result({ file, servers: count, variables }, () => `Wrote ${count} servers to ${file}.`)
      }
    })
}
