import type { PolicyView } from '@mreg/access'
import { type Command, Option } from 'commander'

import { CommandFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'
import { type ScopeOptions, scopesOf } from './scope-options.ts'

interface CreateOptions extends ScopeOptions {
  readonly role?: string
  readonly key?: string
  readonly route?: readonly string[]
  readonly denyRoute?: readonly string[]
}

const ROLES = ['readonly', 'user', 'operator', 'admin']

/** `mreg policies list | create | remove`: what everybody, a role or a key is limited to. */
export const registerPolicies = (program: Command): void => {
  const policies = program
    .command('policies')
    .summary('limit what everybody, a role or a key may use')
    .description(
      'Policies limit what may be used: servers, tools, routes of the API. All that are about somebody must allow a thing; what is not allowed is not shown.',
    )
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg policies create "no deletions" --deny-tool "delete_*"', 'for everybody'],
        ['mreg policies create guests --role readonly --server docs', 'for everybody of a role'],
        ['mreg policies list', 'see which there are'],
      ]),
    )
  policies
    .command('list')
    .summary('list the policies')
    .description('Lists the policies of the tenant, and whom they are about.')
    .addHelpText('after', examplesHelp([['mreg policies list --json', 'with all their rules']]))
    .action(async (_options: object, command: Command) => {
      const context = contextOf(command)
      const items = await (await connectToGateway(context)).listPolicies()
      context.output.result({ items }, () =>
        items.length === 0
          ? 'There are no policies. mreg policies create NAME makes one.'
          : context.output.table<PolicyView>(
              [
                { title: 'NAME', value: ({ name }) => name, flexible: true },
                { title: 'ABOUT', value: aboutOf },
                { title: 'LIMITS', value: ({ rules }) => Object.keys(rules).join(', ') },
                { title: 'MANAGED BY', value: ({ managedBy }) => managedBy },
              ],
              items,
            ),
      )
    })
  policies
    .command('create')
    .summary('make a policy')
    .description('Makes a policy. It counts at once, for whoever is connected too.')
    .argument('<name>', 'what it is for, in words')
    .addOption(new Option('--role <role>', 'about everybody of a role').choices(ROLES).conflicts('key'))
    .option('--key <id>', 'about whoever comes with this key; default: about everybody')
    .option('--server <pattern...>', 'only servers of these names; * stands for anything')
    .option('--tool <pattern...>', 'only tools of these names, such as get_* or github/get_*')
    .option('--deny-tool <pattern...>', 'no tools of these names')
    .option('--read-only', 'only tools that their server calls read-only')
    .option('--route <pattern...>', 'only these routes of the API, such as "GET *"')
    .option('--deny-route <pattern...>', 'no such routes, such as "DELETE /servers/{idOrSlug}"')
    .addHelpText(
      'after',
      examplesHelp([
        [
          'mreg policies create "no deletions" --deny-tool "delete_*" --deny-route "DELETE *"',
          'for everybody',
        ],
      ]),
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const context = contextOf(command)
      const { denyRoute, key, role, route } = options
      const policy = await (
        await connectToGateway(context)
      ).createPolicy({
        name,
        subject: subjectOf(role, key),
        rules: {
          ...scopesOf(options),
          ...(route === undefined && denyRoute === undefined
            ? {}
            : { api: { allow: route, deny: denyRoute } }),
        },
      })
      context.output.result(policy, () => `The policy "${policy.name}" counts from now on.`)
    })
  policies
    .command('remove')
    .summary('remove a policy')
    .description('Removes a policy. What it took away is there again at once.')
    .argument('<policy>', 'its name or its id')
    .addHelpText('after', examplesHelp([['mreg policies remove guests', 'for whoever it was about']]))
    .action(async (which: string, _options: object, command: Command) => {
      const context = contextOf(command)
      const gateway = await connectToGateway(context)
      const found = (await gateway.listPolicies()).find(({ id, name }) => id === which || name === which)
      if (found === undefined)
        throw new CommandFailure('policy_not_found', `there is no policy ${JSON.stringify(which)}`, {
          hints: ['mreg policies list shows all of them.'],
        })
      await gateway.removePolicy(found.id)
      context.output.result(found, () => `The policy "${found.name}" is removed.`)
    })
}

const aboutOf = ({ subject: { id = '', kind } }: PolicyView): string =>
  kind === 'tenant' ? 'everybody' : `${kind} ${id}`

const subjectOf = (role: string | undefined, key: string | undefined): object => {
  if (key !== undefined) return { kind: 'key', id: key }
  return role === undefined ? { kind: 'tenant' } : { kind: 'role', id: role }
}
