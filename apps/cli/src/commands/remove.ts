import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'

/** `mreg remove NAME…`: takes servers out of the registry. */
export const registerRemove = (program: Command): void => {
  program
    .command('remove')
    .alias('rm')
    .summary('remove servers')
    .description(
      'Takes servers out of the registry, with the secrets that are kept for them. The servers themselves are left alone.',
    )
    .argument('<names...>', 'the names that they are registered under')
    .addHelpText('after', examplesHelp([['mreg remove everything', 'forget one server']]))
    .action(async (names: string[], _options: object, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      for (const name of names) await gateway.remove(name)
      context.output.result({ removed: names }, () => names.map((name) => `Removed ${name}.`).join('\n'))
    })
}
