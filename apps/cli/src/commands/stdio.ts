import type { Command } from 'commander'

import { Bridge } from '../bridge/bridge.ts'
import { GatewayConnection } from '../bridge/gateway-connection.ts'
import { GatewaySender } from '../bridge/gateway-sender.ts'
import { contextOf } from '../context.ts'
import { ensureGateway } from '../gateway-process/ensure-gateway.ts'
import { endpointPath } from '../mcp/endpoint-path.ts'
import { examplesHelp } from '../output/examples.ts'
import { printable } from '../output/printable.ts'

/** `mreg stdio [NAME]`: the gateway for clients that know only standard input and output. */
export const registerStdio = (program: Command): void => {
  program
    .command('stdio')
    .summary('be an MCP server over stdio, for clients that know nothing else')
    .description(
      'Carries MCP messages between standard input and output and the gateway. It is meant to be started by a client. A gateway is started if none runs; when it restarts, the client does not notice.',
    )
    .argument('[name]', 'a registered server, or a toolset as sets/NAME; all servers when left out')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg connect claude-desktop everything', 'see what to put into the file of a client'],
        ['mreg stdio everything', 'what the client then runs'],
        ['mreg stdio sets/reading', 'what is in the toolset reading'],
      ]),
    )
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const { environment, workingDirectory } = contextOf(command)
      const ending = new AbortController()
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
        process.once(signal, () => ending.abort())
      // The client has gone.
      process.stdout.on('error', () => ending.abort())
      const { signal } = ending
      signal.addEventListener('abort', () => process.stdin.destroy())
      const connection = new GatewayConnection(() =>
        ensureGateway({ environment, workingDirectory, signal, say }),
      )
      const bridge = new Bridge({
        sender: new GatewaySender(connection, endpointPath(name), say),
        output: process.stdout,
        say,
        signal,
      })
      await bridge.run(process.stdin).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    })
}

const say = (text: string): void => {
  process.stderr.write(`mreg stdio: ${printable(text)}\n`)
}
