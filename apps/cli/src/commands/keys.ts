import { type Command, InvalidArgumentError } from 'commander'

import { CommandFailure } from '../command-failure.ts'
import { type Context, contextOf } from '../context.ts'
import { dataDirectories } from '../gateway-client/data-directories.ts'
import { findGateway, type FoundGateway, runningIn } from '../gateway-client/find-gateway.ts'
import { GatewayClient } from '../gateway-client/gateway-client.ts'
import { GatewayRefusal } from '../gateway-client/gateway-refusal.ts'
import { NoGatewayError } from '../gateway-client/no-gateway-error.ts'
import { KEY_NAMES, type KeyFile, type KeyName, lookAtKeyFile, renewKey } from '../keys/key-files.ts'
import { examplesHelp } from '../output/examples.ts'
import { registerApiKeys } from './api-keys.ts'

/** What `mreg keys` shows. */
interface KeysView {
  readonly dataDirectory: string | undefined
  readonly gateway: string | undefined
  /** Whether the running gateway takes the key that this command line uses; undefined when none runs. */
  readonly accepted: boolean | undefined
  readonly files: readonly KeyFile[]
}

/** `mreg keys`: where the keys are, and whether they fit. None is ever shown. */
export const registerKeys = (program: Command): void => {
  const keys = program
    .command('keys')
    .summary('make keys for agents and people, and see where the gateway’s own are')
    .description(
      'Shows where the keys of the gateway itself are and whether the running one takes them: who needs one reads the file. Its commands make and end keys for agents and people.',
    )
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg keys', 'where the gateway’s own are, and whether they fit'],
        ['mreg keys create assistant --server github', 'a key for an agent, for one server'],
        ['mreg keys renew admin', 'make a new administrator’s key (the gateway must be stopped)'],
        [
          'mreg keys renew secret',
          'seal with a new key from now on; the old ones still open what they sealed',
        ],
      ]),
    )
    .action(async (_options: object, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const view = await viewOf(context)
      output.result(view, () =>
        [
          view.gateway === undefined
            ? 'No gateway is running.'
            : `The gateway at ${view.gateway} ${view.accepted === true ? 'takes' : 'does not take'} the key that mreg uses.`,
          ...(view.files.length === 0
            ? []
            : [
                '',
                output.table<KeyFile>(
                  [
                    { title: 'KEY', value: ({ name }) => name },
                    { title: 'FOR', value: ({ name }) => PURPOSE[name] },
                    { title: 'STATE', value: stateOf },
                    { title: 'FILE', value: ({ path }) => path },
                  ],
                  view.files,
                ),
              ]),
        ].join('\n'),
      )
    })
  registerApiKeys(keys)
  keys
    .command('renew')
    .summary('make a new key')
    .description(
      'Makes a new key in the data directory. The gateway must be stopped; it reads its keys when it starts.',
    )
    .argument('<key>', KEY_NAMES.join(' or '), keyName)
    .addHelpText('after', examplesHelp([['mreg keys renew admin', 'what used the old key stops working']]))
    .action(async (name: KeyName, _options: object, command: Command) => {
      const context = contextOf(command)
      const [dataDirectory = ''] = dataDirectories(context.environment, context.workingDirectory)
      const running = await runningIn(dataDirectory)
      if (running !== undefined && running !== 'gone') {
        const which =
          running === 'silent' ? `the gateway of ${dataDirectory}` : `the gateway at ${running.url}`
        throw new CommandFailure('gateway_running', `${which} runs on these keys`, {
          hints: ['Stop it, make the key, start it again.'],
        })
      }
      const file = await renewKey(dataDirectory, name)
      context.output.result(file, () => `A new key is in ${file.path}.`)
    })
}

const PURPOSE: Readonly<Record<KeyName, string>> = {
  admin: 'the API and this command line',
  secret: 'sealing stored credentials',
}

const stateOf = ({ fault, exposed, keys }: KeyFile): string => {
  if (fault !== undefined) return fault
  const count = keys === 1 ? '1 key' : `${keys} keys, newest first`
  return exposed ? `${count}; others may read the file (chmod 600)` : count
}

const viewOf = async (context: Context): Promise<KeysView> => {
  const found = await findGateway(context).catch((error: unknown) => {
    if (error instanceof NoGatewayError) return undefined
    throw error
  })
  const [first] = dataDirectories(context.environment, context.workingDirectory)
  const dataDirectory = found === undefined ? first : found.dataDirectory
  return {
    dataDirectory,
    gateway: found?.url,
    accepted: found === undefined ? undefined : await isAccepted(found),
    files:
      dataDirectory === undefined
        ? []
        : await Promise.all(KEY_NAMES.map((name) => lookAtKeyFile(dataDirectory, name))),
  }
}

const isAccepted = async (gateway: FoundGateway): Promise<boolean> => {
  try {
    await new GatewayClient(gateway).list({ q: 'mreg' })
    return true
  } catch (error) {
    if (GatewayRefusal.is(error)) return false
    throw error
  }
}

const keyName = (text: string): KeyName => {
  const name = KEY_NAMES.find((candidate) => candidate === text)
  if (name === undefined) throw new InvalidArgumentError(`It is ${KEY_NAMES.join(' or ')}.`)
  return name
}
