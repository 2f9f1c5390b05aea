import { resolve } from 'node:path'

import type { Command } from 'commander'

import { findGateway } from './gateway-client/find-gateway.ts'
import { GatewayClient } from './gateway-client/gateway-client.ts'
import { Output } from './output/output.ts'

/** What every command gets beside its own options. */
export interface Context {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  readonly output: Output
}

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean
  readonly dataDir?: string
}

/** The context of a command that is being run. */
export const contextOf = (command: Command): Context => {
  const { json = false, dataDir = process.env['MREG_DATA_DIR'] ?? '' } =
    command.optsWithGlobals<GlobalOptions>()
  return {
    // A full path: what we start may run elsewhere.
    environment: { ...process.env, MREG_DATA_DIR: dataDir === '' ? undefined : resolve(dataDir) },
    workingDirectory: process.cwd(),
    output: new Output({ stdout: process.stdout, stderr: process.stderr, json }),
  }
}

/**
 * A client of the gateway that runs.
 *
 * @throws {NoGatewayError} when none does.
 */
export const connectToGateway = async (context: Context): Promise<GatewayClient> =>
  new GatewayClient(await findGateway(context))
