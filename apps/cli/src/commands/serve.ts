import { type Command, InvalidArgumentError } from 'commander'

import { contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'
import { runProgram } from '../run-program.ts'

interface ServeOptions {
  readonly port?: number
  readonly host?: string
}

/** `mreg serve`: runs the gateway in this process until it is told to end. */
export const registerServe = (program: Command): void => {
  program
    .command('serve')
    .summary('run the gateway (also without a command)')
    .description(
      'Runs the gateway here until Ctrl+C. What is registered is kept in the data directory, and is there again at the next start.\nEvery setting is a variable of the environment, such as MREG_PORT; nothing needs to be set.',
    )
    .option(
      '-p, --port <port>',
      'the port to listen on (MREG_PORT; default 6734, 0 takes a free one)',
      portNumber,
    )
    .option('--host <address>', 'the address to listen on (MREG_HOST; default: this machine only)')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg serve', 'the usual way'],
        ['mreg serve --port 7000', 'when 6734 is taken'],
        ['mreg serve --data-dir ./.mreg', 'keep everything in this folder'],
      ]),
    )
    .action(async ({ port, host }: ServeOptions, command: Command) => {
      const { environment } = contextOf(command)
      if (port !== undefined) process.env['MREG_PORT'] = String(port)
      if (host !== undefined) process.env['MREG_HOST'] = host
      await runProgram('gateway', environment)
    })
}

const portNumber = (text: string): number => {
  const port = Number(text)
  if (/^\d+$/u.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It is a number from 0 to 65535.')
}
