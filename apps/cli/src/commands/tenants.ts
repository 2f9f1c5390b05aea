import type { TenantView } from '@mreg/access'
import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'

/** `mreg tenants list | create`: for the administrator of the installation. */
export const registerTenants = (program: Command): void => {
  const tenants = program
    .command('tenants')
    .summary('see and make the tenants of the installation')
    .description(
      'Tenants share an installation and nothing else: servers, keys, toolsets, policies and sessions belong to one. Only the administrator of the installation sees more than one.',
    )
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg tenants create acme', 'make one; it is reached at /t/acme/mcp and /t/acme/api/v1'],
        ['mreg tenants list', 'see which there are'],
      ]),
    )
  tenants
    .command('list')
    .summary('list the tenants')
    .description('Lists the tenants of the installation.')
    .addHelpText('after', examplesHelp([['mreg tenants list', 'all of them']]))
    .action(async (_options: object, command: Command) => {
      const context = contextOf(command)
      const items = await (await connectToGateway(context)).listTenants()
      context.output.result({ items }, () =>
        context.output.table<TenantView>(
          [
            { title: 'TENANT', value: ({ id }) => id, flexible: true },
            { title: 'SINCE', value: ({ createdAt }) => createdAt.slice(0, 10) },
          ],
          items,
        ),
      )
    })
  tenants
    .command('create')
    .summary('make a tenant')
    .description('Makes a tenant. With MREG_URL=…/t/NAME and MREG_KEY, this command line works inside it.')
    .argument('<name>', 'small letters, digits and hyphens; it never changes')
    .addHelpText('after', examplesHelp([['mreg tenants create acme', 'reached at /t/acme/mcp']]))
    .action(async (id: string, _options: object, command: Command) => {
      const context = contextOf(command)
      const tenant = await (await connectToGateway(context)).createTenant(id)
      context.output.result(tenant, () => `The tenant "${tenant.id}" is there, at /t/${tenant.id}/mcp.`)
    })
}
