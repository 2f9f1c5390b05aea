import type { Command } from 'commander'

import { contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'
import { runProgram } from '../run-program.ts'

/** `mreg worker`: runs the health worker in this process until it is told to end. */
export const registerWorker = (program: Command): void => {
  program
    .command('worker')
    .summary('ask servers how they are, apart from the gateway')
    .description(
      'Asks the registered servers again and again how they are, in a process of its own, until Ctrl+C. One gateway on a laptop does that by itself; several gateways on one PostgreSQL leave it to this (MREG_HEALTH_MODE=worker).\nIt needs the same MREG_DATABASE_URL (postgres://…) and the same MREG_SECRET_KEY as the gateways, or their data directory. Another one takes over where one that ended left off.',
    )
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg worker', 'beside the gateways of the database that MREG_DATABASE_URL names'],
        [
          'MREG_HEALTH_MODE=worker MREG_DATABASE_URL=postgres://me@localhost/mreg mreg serve',
          'a gateway that leaves it to the worker',
        ],
      ]),
    )
    .action(async (_options: object, command: Command) => {
      await runProgram('worker', contextOf(command).environment)
    })
}
