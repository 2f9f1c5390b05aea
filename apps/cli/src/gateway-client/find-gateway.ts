import { isLoopback } from '@mreg/core'

import { CommandFailure } from '../command-failure.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { dataDirectories } from './data-directories.ts'
import { isAlive, readAdminKey, readEndpointFile } from './endpoint-file.ts'
import { NoGatewayError } from './no-gateway-error.ts'

/** A gateway that runs, and what it takes to talk to it. */
export interface FoundGateway {
  /** Its address without a slash at the end, such as `http://127.0.0.1:6734`. */
  readonly url: string
  /** A secret. undefined: none was given or found. */
  readonly key: string | undefined
  /** undefined: it was named by its URL. */
  readonly dataDirectory: string | undefined
}

export interface FindGatewayOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
}

/** Long: a machine that has much to do is slow to answer, and one that refuses does so at once. */
const ANSWER_MS = 10_000

/**
 * What there may be instead of a gateway that answers: `gone`, one left word and no longer runs; `silent`, one left word,
 * its process lives and its port takes connections, but there is no answer (yet).
 */
type NoAnswer = 'gone' | 'silent'

/**
 * Finds the gateway to talk to: `MREG_URL` with `MREG_KEY`; else the one that left word in a data directory
 * (`MREG_DATA_DIR`, else the user's, else `.mreg` here or above).
 *
 * @throws {NoGatewayError} when none answers.
 */
export const findGateway = async (options: FindGatewayOptions): Promise<FoundGateway> => {
  const { environment, workingDirectory } = options
  const url = environment['MREG_URL']?.trim()
  if (url !== undefined && url !== '') return named(url, environment['MREG_KEY']?.trim(), options)
  const directories = dataDirectories(environment, workingDirectory)
  const without: Record<NoAnswer, string[]> = { gone: [], silent: [] }
  for (const dataDirectory of directories) {
    const found = await runningIn(dataDirectory, environment['MREG_KEY']?.trim())
    if (isThere(found)) return found
    if (found !== undefined) without[found].push(dataDirectory)
  }
  throw new NoGatewayError(wordsFor(without, directories), directories)
}

const wordsFor = ({ gone, silent }: Record<NoAnswer, string[]>, directories: readonly string[]): string => {
  if (silent.length > 0)
    return `the gateway of ${silent.join(', ')} runs, but did not answer within ${ANSWER_MS / 1000} s`
  return gone.length === 0
    ? `no gateway is running (looked in ${directories.join(', ')})`
    : `the gateway of ${gone.join(', ')} is no longer running`
}

/** Whether a gateway answered. */
const isThere = (found: FoundGateway | NoAnswer | undefined): found is FoundGateway =>
  typeof found === 'object'

/**
 * The gateway of one data directory.
 *
 * @param answerMs how long it may take to answer.
 * @returns undefined when none left word there.
 */
export const runningIn = async (
  dataDirectory: string,
  givenKey?: string,
  answerMs = ANSWER_MS,
): Promise<FoundGateway | NoAnswer | undefined> => {
  const endpoint = await readEndpointFile(dataDirectory)
  if (endpoint === undefined) return undefined
  const url = withoutSlash(endpoint.url)
  if (!isAlive(endpoint.pid)) return 'gone'
  const missing = await missingAnswer(url, answerMs)
  if (missing !== undefined) return missing
  return { url, key: nonEmpty(givenKey) ?? (await readAdminKey(dataDirectory)), dataDirectory }
}

const named = async (
  text: string,
  key: string | undefined,
  { environment, workingDirectory }: FindGatewayOptions,
): Promise<FoundGateway> => {
  if (!URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol)) {
    throw new CommandFailure('usage', 'MREG_URL must be a URL such as http://127.0.0.1:6734', {
      exitCode: EXIT_CODE.usage,
    })
  }
  const url = withoutSlash(text)
  if ((await missingAnswer(url)) !== undefined)
    throw new NoGatewayError(`nothing answers at MREG_URL ${url}`, [url])
  if (nonEmpty(key) !== undefined) return { url, key, dataDirectory: undefined }
  for (const dataDirectory of dataDirectories(environment, workingDirectory)) {
    const endpoint = await readEndpointFile(dataDirectory)
    if (endpoint !== undefined && withoutSlash(endpoint.url) === url)
      return { url, key: await readAdminKey(dataDirectory), dataDirectory }
  }
  return { url, key: undefined, dataDirectory: undefined }
}

/** Asks whether a gateway lives there: undefined when it does. */
const missingAnswer = async (url: string, answerMs = ANSWER_MS): Promise<NoAnswer | undefined> => {
  if (isLoopback(new URL(url).hostname)) reachThisMachineDirectly()
  const patience = AbortSignal.timeout(answerMs)
  try {
    const response = await fetch(`${url}/health`, { signal: patience })
    const body: unknown = await response.json()
    return response.ok && typeof body === 'object' && body !== null && 'version' in body ? undefined : 'gone'
  } catch {
    return patience.aborted ? 'silent' : 'gone'
  }
}

/** A proxy that Node was told to use (`NODE_USE_ENV_PROXY`) knows nothing of this machine. */
const reachThisMachineDirectly = (): void => {
  if ((process.env['NODE_USE_ENV_PROXY'] ?? '') === '') return
  const present = process.env['NO_PROXY'] ?? process.env['no_proxy'] ?? ''
  if (!present.includes('127.0.0.1'))
    process.env['NO_PROXY'] = [present, '127.0.0.1', 'localhost', '[::1]'].filter(Boolean).join(',')
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
const withoutSlash = (url: string): string => url.replace(/\/+$/u, '')
