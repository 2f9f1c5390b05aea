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
/** Before another one is started when the data directory was still in use. */
const AGAIN_MS = 1000
/** What a gateway says that cannot have its data directory. */
const IN_USE = /\bis in use by\b/u

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
  let startAt = 0
  let lock: StartLock | undefined
  try {
    for (;;) {
      const found = await find(options)
      if (!(found instanceof NoGatewayError)) return found
      if (Date.now() > deadline) {
        if (isNamed) throw found
        const why = started?.end === undefined ? '' : `: ${started.end}`
        throw notStarted(`the gateway was not ready within ${timeoutMs / 1000} s${why}`, started)
      }
      if (!isNamed && Date.now() >= startAt) {
        lock ??= StartLock.take(dataDirectory)
        // Somebody may have started it between our look and our lock; one that is slow to answer is waited for.
        if (lock !== undefined && (await isMissing(dataDirectory))) {
          say(`starting a gateway (data directory ${dataDirectory})`)
          started = startGateway(dataDirectory, environment)
          startAt = Number.POSITIVE_INFINITY
        }
      }
      const { end } = started ?? {}
      if (end !== undefined && startAt === Number.POSITIVE_INFINITY) {
        if (!IN_USE.test(end)) throw notStarted(`the gateway could not be started: ${end}`, started)
        // By one that was started by hand at the same moment and will be ready soon, or by one that is just ending.
        startAt = Date.now() + AGAIN_MS
      }
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

const isMissing = async (dataDirectory: string): Promise<boolean> => {
  const found = await runningIn(dataDirectory)
  return found === undefined || found === 'gone'
}

const notStarted = (message: string, started: StartedGateway | undefined): CommandFailure =>
  new CommandFailure('gateway_not_started', message, {
    hints: [
      ...(started === undefined ? [] : [`What it says is in ${started.logFile}.`]),
      'Find out more with: mreg doctor',
    ],
  })
