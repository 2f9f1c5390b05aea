import { Client as ModernClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import * as z from 'zod'

import { builtProgram } from './command.ts'

/** An MCP client that runs `mreg stdio` as its server. */
export interface BridgeClient extends AsyncDisposable {
  readonly client: Client
  /** What the bridge said on stderr. */
  readonly stderr: () => string
}

/** Connects a client of the first SDK, which knows the 2025 revisions. */
export const connectThroughBridge = async (
  slug: string,
  environment: Readonly<Record<string, string>>,
): Promise<BridgeClient> => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [builtProgram, 'stdio', slug],
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stderr: 'pipe',
  })
  let said = ''
  transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport, { timeout: 90_000 })
  return { client, stderr: () => said, [Symbol.asyncDispose]: () => client.close() }
}

/** Connects a client of the second SDK, which finds out by itself which revision is spoken. */
export const connectModernThroughBridge = async (
  slug: string,
  environment: Readonly<Record<string, string>>,
): Promise<ModernClient> => {
  const client = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(
    new ModernTransport({
      command: process.execPath,
      args: [builtProgram, 'stdio', slug],
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stderr: 'ignore',
    }),
  )
  return client
}

const resultSchema = z.object({ content: z.tuple([z.object({ text: z.string() })]) })

/** The text of a tool's result. */
export const textOf = (result: unknown): string => resultSchema.parse(result).content[0].text
