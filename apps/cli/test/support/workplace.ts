import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'

import { type GatewayProcess, startGateway } from '@mreg/testing'

import { type CommandEnd, runCommand, temporaryDirectory } from './command.ts'

/** A user with an empty home, and a gateway that runs. */
export interface Workplace extends AsyncDisposable {
  readonly home: string
  readonly gateway: GatewayProcess
  /** What a shell of this user has in its environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Types `mreg …`. */
  mreg(args: readonly string[], more?: Readonly<Record<string, string>>): Promise<CommandEnd>
  /** The same with `--json`; fails when the command does. */
  json(args: readonly string[], more?: Readonly<Record<string, string>>): Promise<unknown>
}

export const openWorkplace = async (
  gatewayEnvironment: Readonly<Record<string, string>> = {},
): Promise<Workplace> => {
  await using resources = new AsyncDisposableStack()
  const { path } = resources.use(await temporaryDirectory())
  const home = join(path, 'home')
  const dataDirectory = join(path, 'data')
  await mkdir(home)
  await mkdir(dataDirectory)
  // Commands of registered servers are looked for here: nothing is fetched from anywhere.
  const programs = join(path, 'bin')
  await mkdir(programs)
  await symlink(process.execPath, join(programs, 'node'))
  const environment = { HOME: home, MREG_DATA_DIR: dataDirectory, NO_COLOR: '1' }
  const gateway = resources.use(
    await startGateway({
      dataDirectory,
      environment: { HOME: home, PATH: programs, MREG_LOG_LEVEL: 'warn', ...gatewayEnvironment },
      readyTimeoutMs: 60_000,
    }),
  )
  const kept = resources.move()
  const mreg: Workplace['mreg'] = (args, more = {}) =>
    runCommand(args, { environment: { ...environment, ...more }, workingDirectory: home })
  return {
    home,
    gateway,
    environment,
    mreg,
    json: async (args, more) => {
      const end = await mreg(['--json', ...args], more)
      if (end.code !== 0) throw new Error(`mreg ${args.join(' ')} ended with ${end.code}: ${end.stderr}`)
      return JSON.parse(end.stdout)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
