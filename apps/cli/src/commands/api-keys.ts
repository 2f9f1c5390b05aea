import type { ApiKeyView, IssuedApiKey } from '@mreg/access'
import { type Command, Option } from 'commander'

import { CommandFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import type { GatewayClient } from '../gateway-client/gateway-client.ts'
import { examplesHelp } from '../output/examples.ts'
import { duration } from './duration.ts'
import { type ScopeOptions, scopesOf } from './scope-options.ts'

interface CreateOptions extends ScopeOptions {
  readonly role: string
  readonly principal?: string
  readonly expires?: number
}

const ROLES = ['readonly', 'user', 'operator', 'admin']

/** `mreg keys create | list | rotate | revoke`: keys for agents and people. */
export const registerApiKeys = (keys: Command): void => {
  keys
    .command('create')
    .summary('make a key for an agent or a person')
    .description('Makes an API key. It is shown once, now, and kept nowhere.')
    .argument('<name>', 'what it is for, in words')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('user'))
    .option('--principal <id>', 'on whose behalf it acts; default: its own')
    .option('--server <pattern...>', 'only servers of these names; * stands for anything')
    .option('--tool <pattern...>', 'only tools of these names, such as get_* or github/get_*')
    .option('--deny-tool <pattern...>', 'no tools of these names')
    .option('--read-only', 'only tools that their server calls read-only')
    .option('--expires <time>', 'how long it is good, such as 12h or 30d', duration)
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg keys create "nightly build"', 'uses all servers'],
        [
          'mreg keys create assistant --server github --tool "get_*" --expires 30d',
          'a narrow one, for a month',
        ],
      ]),
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      const issued = await gateway.createKey({
        name,
        role: options.role,
        principalId: options.principal,
        expiresAt:
          options.expires === undefined ? undefined : new Date(Date.now() + options.expires).toISOString(),
        scopes: scopesOf(options),
      })
      context.output.result(issued, () => shownOnce(issued))
    })
  keys
    .command('list')
    .summary('list the keys that were made')
    .description('Lists the API keys and what they may do. A key itself is never shown again.')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg keys list', 'who may do what, until when, and when it was last used'],
        ['mreg keys list --json', 'the same for scripts, with the scopes'],
      ]),
    )
    .action(async (_options: object, command: Command) => {
      const context = contextOf(command)
      const items = await (await connectToGateway(context)).listKeys()
      context.output.result({ items }, () =>
        items.length === 0
          ? 'No keys were made. mreg keys create NAME makes one.'
          : context.output.table<ApiKeyView>(
              [
                { title: 'NAME', value: ({ name }) => name, flexible: true },
                { title: 'BEGINS', value: ({ prefix }) => prefix },
                { title: 'ROLE', value: ({ role }) => role },
                { title: 'STATE', value: ({ state }) => state },
                { title: 'EXPIRES', value: ({ expiresAt = '' }) => expiresAt.slice(0, 10) },
                {
                  title: 'LAST USED',
                  value: ({ lastUsedAt = '' }) => lastUsedAt.slice(0, 16).replace('T', ' '),
                },
              ],
              items,
            ),
      )
    })
  keys
    .command('rotate')
    .summary('replace a key by a new one that may do the same')
    .description(
      'Makes a new key with the role, the limits and the end of an old one. The old one ends at once, or after --grace. The new one is shown once, now.',
    )
    .argument('<key>', 'its name, its id or how it begins')
    .option('--grace <time>', 'how long the old one is still good, such as 10m or 1d', duration, 0)
    .addHelpText(
      'after',
      examplesHelp([['mreg keys rotate assistant --grace 1d', 'both are good for a day']]),
    )
    .action(async (which: string, { grace }: { readonly grace: number }, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      const issued = await gateway.rotateKey((await findKey(gateway, which)).id, grace)
      context.output.result(issued, () => shownOnce(issued))
    })
  keys
    .command('revoke')
    .summary('end a key for good')
    .description(
      'Ends a key within seconds at every gateway. Streams that are open with it are closed. Nothing takes that back.',
    )
    .argument('<key>', 'its name, its id or how it begins')
    .addHelpText('after', examplesHelp([['mreg keys revoke assistant', 'nothing takes that back']]))
    .action(async (which: string, _options: object, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      const key = await gateway.revokeKey((await findKey(gateway, which)).id)
      context.output.result(key, () => `The key "${key.name}" is revoked.`)
    })
}

const shownOnce = ({ expiresAt, key, name }: IssuedApiKey): string =>
  [
    key,
    '',
    `That is the key "${name}"${expiresAt === undefined ? '' : `, good until ${expiresAt}`}. It is not shown again: keep it now.`,
    'Clients send it as "Authorization: Bearer KEY".',
  ].join('\n')

/** One that is still good goes before one that has ended. */
const findKey = async (gateway: GatewayClient, which: string): Promise<ApiKeyView> => {
  const keys = await gateway.listKeys()
  const matching = keys.filter(({ id, name, prefix }) => id === which || name === which || prefix === which)
  const active = matching.filter(({ state }) => state === 'active')
  const [found, another] = active.length > 0 ? active : matching
  if (found === undefined)
    throw new CommandFailure('api_key_not_found', `there is no key ${JSON.stringify(which)}`, {
      hints: ['mreg keys list shows all of them.'],
    })
  if (another !== undefined)
    throw new CommandFailure('api_key_ambiguous', `several keys are called ${JSON.stringify(which)}`, {
      hints: ['Say how the one that you mean begins: mreg keys list shows it.'],
    })
  return found
}
