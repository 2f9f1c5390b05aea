import { Command, CommanderError } from 'commander'

import { CommandFailure } from './command-failure.ts'
import { registerAdd } from './commands/add.ts'
import { registerAudit } from './commands/audit.ts'
import { registerCall } from './commands/call.ts'
import { registerConnect } from './commands/connect.ts'
import { registerDoctor } from './commands/doctor.ts'
import { registerExplain } from './commands/explain.ts'
import { registerExport } from './commands/export.ts'
import { registerImport } from './commands/import.ts'
import { registerKeys } from './commands/keys.ts'
import { registerList } from './commands/list.ts'
import { registerLogin } from './commands/login.ts'
import { registerPolicies } from './commands/policies.ts'
import { registerProbe } from './commands/probe.ts'
import { registerRemove } from './commands/remove.ts'
import { registerServe } from './commands/serve.ts'
import { registerShow } from './commands/show.ts'
import { registerStdio } from './commands/stdio.ts'
import { registerTenants } from './commands/tenants.ts'
import { registerTools } from './commands/tools.ts'
import { registerWorker } from './commands/worker.ts'
import { EXIT_CODE } from './exit-code.ts'
import { examplesHelp } from './output/examples.ts'
import { reportFailure } from './report-failure.ts'
import { version } from './version.ts'

/** The whole command line, ready to parse. */
export const createCommandLine = (): Command => {
  const program = new Command('mreg')
    .description(
      'The MCP Registry Gateway: register MCP servers once, and give every client one place to connect to.\nWithout a command, it serves.',
    )
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help for a command')
    .option('--json', 'print results as JSON, for scripts')
    .option('--data-dir <directory>', 'the data directory of the gateway (MREG_DATA_DIR)')
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false)
    .showHelpAfterError('(mreg --help shows what there is; mreg COMMAND --help has examples)')
    .exitOverride()
  program.commandsGroup('Run it:')
  registerServe(program)
  registerWorker(program)
  program.commandsGroup('Servers:')
  registerAdd(program)
  registerList(program)
  registerShow(program)
  registerRemove(program)
  registerProbe(program)
  registerLogin(program)
  program.commandsGroup('Clients:')
  registerImport(program)
  registerConnect(program)
  registerExport(program)
  registerStdio(program)
  program.commandsGroup('Use them:')
  registerTools(program)
  registerCall(program)
  program.commandsGroup('Care:')
  registerDoctor(program)
  registerExplain(program)
  registerKeys(program)
  registerPolicies(program)
  registerTenants(program)
  registerAudit(program)
  return program.addHelpText(
    'after',
    `${examplesHelp([
      ['mreg serve', 'start the gateway (in another terminal)'],
      ['mreg add everything http://127.0.0.1:3001/mcp', 'register a server'],
      ['mreg list', 'see how they are doing'],
    ])}
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no gateway found, 4 refused by the gateway.
`,
  )
}

/** The arguments that are ours: what comes after `--` belongs to the command of a server. */
const own = (args: readonly string[]): readonly string[] => {
  const end = args.indexOf('--')
  return end === -1 ? args : args.slice(0, end)
}

/**
 * Runs the command line.
 *
 * @param args what was typed after `mreg`; nothing means `serve`.
 * @returns the exit code.
 */
export const runCommandLine = async (args: readonly string[]): Promise<number> => {
  // Who reads may have seen enough: `mreg list | head`.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  try {
    await createCommandLine().parseAsync(args.length === 0 ? ['serve'] : args, { from: 'user' })
    return Number(process.exitCode ?? EXIT_CODE.ok)
  } catch (error) {
    // The parser has said what is wrong by now, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage
    reportFailure(error, { json: own(args).includes('--json'), stream: process.stderr })
    return CommandFailure.is(error) ? error.exitCode : EXIT_CODE.failed
  }
}
