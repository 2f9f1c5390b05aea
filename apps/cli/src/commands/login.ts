import type { Command } from 'commander'

import { CommandFailure, usageFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import { EXIT_CODE } from '../exit-code.ts'
import type { GatewayClient, ServerView } from '../gateway-client/gateway-client.ts'
import { openBrowser } from '../login/open-browser.ts'
import { RedirectListener } from '../login/redirect-listener.ts'
import { examplesHelp } from '../output/examples.ts'
import type { Output } from '../output/output.ts'
import { redactedServer } from '../output/redact.ts'
import { serverDetails } from './show.ts'

interface LoginOptions {
  readonly browser: boolean
  readonly clientId?: string
  readonly forget?: boolean
}

/** So long may the person take; the gateway waits no longer either. */
const TIMEOUT_MS = 600_000

/** `mreg login NAME`: logs in for a server that wants it, in the browser. */
export const registerLogin = (program: Command): void => {
  program
    .command('login')
    .summary('log in for a server that wants it')
    .description(
      'Logs in for a server whose state is needs_login: opens its authorization server in your browser, and lets the\ngateway keep the tokens (encrypted), refresh them, and send them to that server alone.',
    )
    .argument('<name>', 'the name that it is registered under')
    .option('--no-browser', 'only print the address, and open it yourself on this machine')
    .option('--client-id <id>', 'a client that you registered with the authorization server by hand')
    .option('--forget', 'forget the login of the server')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg login notes', 'log in in the browser'],
        ['mreg login notes --no-browser', 'print the address instead of opening it'],
        ['mreg login notes --forget', 'forget the tokens of the server'],
      ]),
    )
    .action(async (name: string, options: LoginOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      if (options.forget === true && options.clientId !== undefined)
        throw usageFailure('--forget takes no --client-id')
      const gateway = await connectToGateway(context)
      if (options.forget === true) {
        await gateway.forgetLogin(name)
        const server = redactedServer(await gateway.get(name))
        output.result(server, () => `The login of ${name} is forgotten.`)
        return
      }
      const server = redactedServer(await logIn(gateway, name, options, output))
      output.result(server, () => serverDetails(output, server, gateway.gateway.url))
      if (server.status !== 'healthy') process.exitCode = EXIT_CODE.failed
    })
}

const logIn = async (
  gateway: GatewayClient,
  name: string,
  { browser, clientId }: LoginOptions,
  output: Output,
): Promise<ServerView> => {
  await using listener = new RedirectListener()
  const redirectUri = await listener.start()
  const { authorizationUrl, loginId } = await gateway.beginLogin(name, { redirectUri, clientId })
  const state = new URL(authorizationUrl).searchParams.get('state') ?? ''
  output.note(browser ? `Log in in the browser; if none opens, go to` : `Open this address in a browser:`)
  output.note(`  ${new URL(authorizationUrl).href}`)
  if (browser) openBrowser(authorizationUrl)
  const answer = await output.during('waiting for the browser', () => listener.answerTo(state, TIMEOUT_MS))
  if (answer === undefined) {
    throw new CommandFailure('login_timeout', 'nobody came back from the browser within ten minutes', {
      hints: [`mreg login ${name} begins again.`],
    })
  }
  return output.during(`asking ${name} whether it works`, () => gateway.finishLogin(name, loginId, answer))
}
