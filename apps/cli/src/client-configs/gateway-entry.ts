import { isLoopback } from '@mreg/core'

import { isJsonObject, type JsonObject } from '../json-object.ts'
import { commandLineFile } from '../program-files.ts'
import type { ClientKind } from './client-kind.ts'

export interface GatewayEntryOptions {
  readonly client: ClientKind
  readonly slug: string
  readonly gatewayUrl: string
  /** For clients that start a program: where that finds its gateway. undefined: where it is usual. */
  readonly dataDirectory: string | undefined
  /** Whether the gateway wants a key for `/mcp`. */
  readonly keyWanted: boolean
}

/** How each client writes that a header takes a value from its environment. The key itself never stands in its file. */
const KEY_REFERENCE: Readonly<Record<Exclude<ClientKind, 'claude-desktop'>, string>> = {
  'claude-code': 'Bearer ${MREG_KEY}',
  cursor: 'Bearer ${env:MREG_KEY}',
  vscode: 'Bearer ${env:MREG_KEY}',
}

/** What stands in the file of a client for one server of the gateway. */
export const gatewayEntry = (options: GatewayEntryOptions): JsonObject => {
  const { client, slug, gatewayUrl, dataDirectory, keyWanted } = options
  if (client === 'claude-desktop') {
    // It starts programs only. Full paths: it does not have the PATH of a terminal.
    return {
      command: process.execPath,
      args: [...process.execArgv, commandLineFile(), 'stdio', slug],
      ...(dataDirectory === undefined ? {} : { env: { MREG_DATA_DIR: dataDirectory } }),
    }
  }
  return {
    ...(client === 'cursor' ? {} : { type: 'http' }),
    url: `${gatewayUrl}/mcp/${slug}`,
    ...(keyWanted ? { headers: { Authorization: KEY_REFERENCE[client] } } : {}),
  }
}

/** Whether a server in the file of a client is the gateway itself, by its URL or by its bridge. */
export const isGatewayEntry = (value: unknown, gatewayUrl: string): boolean => {
  if (!isJsonObject(value)) return false
  const { url, command, args } = value
  if (typeof url === 'string') return isAtGateway(url, gatewayUrl)
  if (typeof command !== 'string' || !Array.isArray(args)) return false
  const program = /(^|[/\\])mreg(\.js|\.cmd|\.exe)?$/u
  const words = [command, ...args.map(String)]
  const at = words.findIndex((word) => program.test(word) || word === commandLineFile())
  return at !== -1 && words[at + 1] === 'stdio'
}

const isAtGateway = (text: string, gatewayUrl: string): boolean => {
  if (!URL.canParse(text)) return false
  const [url, gateway] = [new URL(text), new URL(gatewayUrl)]
  const sameHost = url.host === gateway.host || (bothLoopback(url, gateway) && url.port === gateway.port)
  return sameHost && /^\/mcp(\/|$)/u.test(url.pathname)
}

const bothLoopback = (one: URL, other: URL): boolean => isLoopback(one.hostname) && isLoopback(other.hostname)
