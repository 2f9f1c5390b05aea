import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { parseEnv } from 'node:util'

import type {
  CommandDefinition,
  ServerDefinition,
  UrlDefinition,
} from '../client-configs/server-definition.ts'
import type { CommandEndpointInput, EndpointInput, UrlEndpointInput } from '../gateway-client/server-input.ts'
import { VariableError, type Variables } from './variables.ts'

export interface ResolveOptions {
  readonly variables: Variables
  /** What relative paths start from. */
  readonly workspace: string
  /** Secrets may become arguments or parts of a URL, which are shown to everybody who may see the server. */
  readonly secretsInTheOpen: boolean
}

/**
 * An endpoint for the gateway from a definition of a client: variables filled in, the environment file read.
 *
 * @throws {VariableError} when something has no value, or a secret would stand in the open.
 */
export const resolveEndpoint = (
  definition: ServerDefinition,
  options: ResolveOptions,
): Promise<EndpointInput> =>
  definition.kind === 'url' ? urlEndpoint(definition, options) : commandEndpoint(definition, options)

const urlEndpoint = async (
  { transport, url, headers }: UrlDefinition,
  options: ResolveOptions,
): Promise<UrlEndpointInput> => {
  const filled = await filledRecord(headers, options)
  return {
    transport,
    url: await open(url, 'its URL', options),
    ...(Object.keys(filled).length === 0 ? {} : { headers: filled }),
  }
}

const commandEndpoint = async (
  { command, args, env, envFile, cwd }: CommandDefinition,
  options: ResolveOptions,
): Promise<CommandEndpointInput> => {
  const fromFile = envFile === undefined ? {} : await readEnvironmentFile(envFile, options)
  const environment = { ...fromFile, ...(await filledRecord(env, options)) }
  const filledArgs: string[] = []
  for (const argument of args) filledArgs.push(await open(argument, 'its arguments', options))
  return {
    transport: 'stdio',
    command: await open(command, 'its command', options),
    ...(filledArgs.length === 0 ? {} : { args: filledArgs }),
    ...(Object.keys(environment).length === 0 ? {} : { env: environment }),
    ...(cwd === undefined || cwd === ''
      ? {}
      : { cwd: resolve(options.workspace, await open(cwd, 'its directory', options)) }),
  }
}

/** A text that everybody may see who may see the server. */
const open = async (text: string, where: string, options: ResolveOptions): Promise<string> => {
  const filled = await options.variables.fill(text)
  if (filled.secret && !options.secretsInTheOpen) {
    throw new VariableError(
      text,
      `a secret would stand in ${where}, where it cannot be kept encrypted; pass it in the environment or a header, or import with --secrets-in-the-open`,
    )
  }
  return filled.text
}

const filledRecord = async (
  record: Readonly<Record<string, string>>,
  { variables }: ResolveOptions,
): Promise<Record<string, string>> => {
  const filled: Record<string, string> = {}
  for (const [name, text] of Object.entries(record)) filled[name] = (await variables.fill(text)).text
  return filled
}

const readEnvironmentFile = async (
  file: string,
  { variables, workspace }: ResolveOptions,
): Promise<Record<string, string>> => {
  const { text } = await variables.fill(file)
  const path = isAbsolute(text) ? text : resolve(workspace, text)
  try {
    return Object.fromEntries(
      Object.entries(parseEnv(await readFile(path, 'utf8'))).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
    throw new VariableError(file, `cannot read its envFile ${path} (${code})`)
  }
}
