import { setTimeout as delay } from 'node:timers/promises'

import { CommandFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { userDataDirectory } from '../gateway-client/data-directories.ts'
import { findGateway, type FoundGateway, runningIn } from '../gateway-client/find-gateway.ts'
import { NoGatewayError } from '../gateway-client/no-gateway-error.ts'
import { type StartedGateway, startGateway } from './start-gateway.ts'
import { StartLock } from './start-lock.ts'

export interface EnsureGatewayOptions extends Pick<Context, 'environment' | 'workingDirectory'> {
  readonly signal: AbortSignal
  /** Is told when something takes a while. */
  readonly say: (text: string) => void
  /** Default 60 s. */
  readonly timeoutMs?: number | undefined
}

const POLL_MS = 100

/**
 * The gateway that runs; one is started if there is none. Of several processes that come at once, one starts it and all
 * get it. A gateway named by `MREG_URL` is somebody else's: it is waited for, never started.
 *
 * @throws {CommandFailure} `gateway_not_started`, with what it said, or when time is up.
 * @throws {NoGatewayError} when the one that is named does not come.
 */
export const ensureGateway = async (options: EnsureGatewayOptions): Promise<FoundGateway> => {
  const { environment, say, signal } = options
  const timeoutMs = options.timeoutMs ?? 60_000
  const deadline = Date.now() + timeoutMs
  const isNamed = (environment['MREG_URL'] ?? '') !== ''
  const dataDirectory = environment['MREG_DATA_DIR'] ?? userDataDirectory(environment)
  let started: StartedGateway | undefined
  let lock: StartLock | undefined
  try {
    for (;;) {
      const found = await find(options)
      if (!(found instanceof NoGatewayError)) return found
      if (Date.now() > deadline) {
        if (isNamed) throw found
        throw notStarted(`the gateway was not ready within ${timeoutMs / 1000} s`, started)
      }
      if (!isNamed && lock === undefined) {
        lock = StartLock.take(dataDirectory)
        // Somebody may have started it between our look and our lock.
        if (lock !== undefined && (await isRunning(dataDirectory)) === undefined) {
          say(`starting a gateway (data directory ${dataDirectory})`)
          started = startGateway(dataDirectory, environment)
        }
      }
      const { end } = started ?? {}
      // One that was started by hand at the same moment has the directory: it will be ready soon.
      if (end !== undefined && !end.includes('is in use by another gateway'))
        throw notStarted(`the gateway could not be started: ${end}`, started)
      await delay(POLL_MS, undefined, { signal })
    }
  } finally {
    lock?.[Symbol.dispose]()
  }
}

const find = async (options: EnsureGatewayOptions): Promise<FoundGateway | NoGatewayError> => {
  try {
    return await findGateway(options)
  } catch (error) {
    if (error instanceof NoGatewayError) return error
    throw error
  }
}

const isRunning = async (dataDirectory: string): Promise<FoundGateway | undefined> => {
  const found = await runningIn(dataDirectory)
  return found === 'gone' ? undefined : found
}

const notStarted = (message: string, started: StartedGateway | undefined): CommandFailure =>
  new CommandFailure('gateway_not_started', message, {
    hints: [
      ...(started === undefined ? [] : [`What it says is in ${started.logFile}.`]),
      'Find out more with: mreg doctor',
    ],
  })
