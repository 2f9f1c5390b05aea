import { access, readFile, realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { type Command, InvalidArgumentError } from 'commander'

import { CLIENT_KINDS, CLIENT_NAMES, type ClientKind, isClientKind } from '../client-configs/client-kind.ts'
import { clientFile, homeDirectory } from '../client-configs/client-places.ts'
import { type ConfigFile, parseConfigFile, readConfigFile } from '../client-configs/config-file.ts'
import { gatewayEntry } from '../client-configs/gateway-entry.ts'
import { CommandFailure, usageFailure } from '../command-failure.ts'
import { ConfigBackup } from '../connect/config-backup.ts'
import { editConfig } from '../connect/edit-config.ts'
import { planConnection } from '../connect/plan-connection.ts'
import { connectToGateway, type Context, contextOf } from '../context.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { ImportRecord } from '../import/import-record.ts'
import { unaskedInputs } from '../import/input-source.ts'
import { Variables } from '../import/variables.ts'
import { wantsKey } from '../mcp/wants-key.ts'
import { examplesHelp } from '../output/examples.ts'

interface ConnectOptions {
  readonly write?: boolean
  readonly undo?: boolean
  readonly all?: boolean
  readonly file?: string
  readonly workspace?: string
}

/** `mreg connect CLIENT`: what a client needs to reach the gateway, and putting it there. */
export const registerConnect = (program: Command): void => {
  program
    .command('connect')
    .summary('connect a client to the gateway')
    .description(
      'Shows what to put into the file of an MCP client so that it reaches its servers through the gateway; with --write, puts it there.\n--write replaces the servers that were imported and leaves the rest of the file alone. The file is kept as it was, beside it; --undo puts it back byte for byte.',
    )
    .argument('<client>', CLIENT_KINDS.join(', '), clientKind)
    .argument('[names...]', 'registered servers to put in as well (with --write), or to show')
    .option('-w, --write', 'change the file of the client')
    .option('--undo', 'put the file back as it was before --write')
    .option('--all', 'with --write: put in all registered servers, also those that are not in the file')
    .option('-f, --file <file>', 'the file of the client (default: the one of your user)')
    .option('--workspace <directory>', 'what ${workspaceFolder} and relative paths mean in it')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg connect claude-code', 'see what to paste'],
        [
          'mreg import cursor && mreg connect cursor --write',
          'move everything that Cursor has behind the gateway',
        ],
        ['mreg connect vscode --write --file .vscode/mcp.json', 'the file of a project'],
        ['mreg connect claude-desktop everything --write', 'put one registered server in'],
        ['mreg connect cursor --undo', 'have it as it was'],
      ]),
    )
    .action(async (client: ClientKind, names: string[], options: ConnectOptions, command: Command) => {
      const context = contextOf(command)
      const file = resolve(context.workingDirectory, options.file ?? clientFile(client, context.environment))
      if (options.undo === true) {
        if (options.write === true || options.all === true || names.length > 0)
          throw usageFailure('--undo stands alone: it undoes all that --write has done to the file')
        await undo(client, file, context)
      } else if (options.write === true) await write(client, file, names, options, context)
      else await show(client, file, names, context)
    })
}

const undo = async (client: ClientKind, file: string, { output }: Context): Promise<void> => {
  const restored = await new ConfigBackup(await realPath(file)).undo()
  output.result({ client, file, restored }, () => {
    switch (restored) {
      case 'bytes':
        return `${file} is as it was, byte for byte. Restart ${CLIENT_NAMES[client]} to load it.`
      case 'removed':
        return `${file} is gone again; there was none before.`
      case 'servers':
        return `${file} was changed by something else since, so only the servers that mreg had replaced were put back. Restart ${CLIENT_NAMES[client]} to load it.`
    }
    return restored
  })
}

const show = async (
  client: ClientKind,
  file: string,
  names: readonly string[],
  context: Context,
): Promise<void> => {
  const { output } = context
  const gateway = await connectToGateway(context)
  const slugs = known(
    names,
    (await gateway.list()).map(({ slug }) => slug),
  )
  const { url: gatewayUrl, dataDirectory } = gateway.gateway
  const keyWanted = await wantsKey(gatewayUrl)
  const servers = Object.fromEntries(
    slugs.map((slug) => [slug, gatewayEntry({ client, slug, gatewayUrl, dataDirectory, keyWanted })]),
  )
  const snippet = { [client === 'vscode' ? 'servers' : 'mcpServers']: servers }
  output.result(snippet, () => JSON.stringify(snippet, null, 2))
  if (slugs.length === 0) output.note('Nothing is registered yet: mreg add NAME URL, or mreg import FILE')
  else output.note(`This goes into ${file}. mreg connect ${client} --write puts it there.`)
  if (keyWanted && client !== 'claude-desktop')
    output.note('This gateway wants a key: MREG_KEY must be set where the client runs.')
}

const write = async (
  client: ClientKind,
  given: string,
  names: readonly string[],
  options: ConnectOptions,
  context: Context,
): Promise<void> => {
  const { environment, output, workingDirectory } = context
  const gateway = await connectToGateway(context)
  const registered = await gateway.list()
  const slugs = registered.map(({ slug }) => slug)
  const wanted = options.all === true ? slugs : names.length === 0 ? [] : known(names, slugs)
  const { url: gatewayUrl, dataDirectory } = gateway.gateway
  const file = await realPath(given)
  const workspace = resolve(
    workingDirectory,
    options.workspace ?? dirname(given).replace(/[/\\]\.(vscode|cursor)$/u, ''),
  )
  const { config, isNew } = await configOf(client, file, wanted, options.workspace ?? workingDirectory)
  const connections = await planConnection({
    config,
    registered,
    record: await ImportRecord.open(gateway.gateway, environment),
    variables: new Variables({
      environment,
      workspace,
      home: homeDirectory(environment),
      input: unaskedInputs({ definitions: config.inputs, given: new Map() }),
    }),
    workspace,
    wanted,
    entry: { client, gatewayUrl, dataDirectory, keyWanted: await wantsKey(gatewayUrl) },
  })
  const backup = new ConfigBackup(file)
  if (connections.length > 0) {
    await backup.write(
      editConfig(config.text, connections),
      connections.map(({ path }) => path),
      isNew ? undefined : config.bytes,
    )
  }
  const shown = connections.map(({ name, slug, replaces }) => ({ name, slug, replaces }))
  output.result(
    { client, file, servers: shown, backup: connections.length === 0 || isNew ? undefined : backup.path },
    () =>
      connections.length === 0
        ? `Nothing to change: ${file} holds no server that is registered and does not go through the gateway already.\nImport what it has with: mreg import ${given}\nPut in all registered servers with: mreg connect ${client} --write --all`
        : [
            ...connections.map(({ name, slug, replaces }) =>
              replaces ? `${name} now goes through the gateway, as ${slug}.` : `${name} is new.`,
            ),
            `Changed ${file}${isNew ? '' : `; it is kept as it was in ${backup.path}`}.`,
            `Restart ${CLIENT_NAMES[client]} to load it. Undo with: mreg connect ${client} --undo${options.file === undefined ? '' : ` --file ${options.file}`}`,
          ].join('\n'),
  )
}

/** The file of the client; an empty one where there is none and something is to be put in. */
const configOf = async (
  client: ClientKind,
  file: string,
  wanted: readonly string[],
  workspace: string,
): Promise<{ config: ConfigFile; isNew: boolean }> => {
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (exists) {
    const config = await readConfigFile(file, { workspace }).catch((error: unknown) => {
      if (CommandFailure.is(error) && error.code === 'file_without_servers') return undefined
      throw error
    })
    if (config !== undefined) return { config, isNew: false }
  } else if (wanted.length === 0) {
    throw new CommandFailure('file_unreadable', `${CLIENT_NAMES[client]} has no file ${file} yet`, {
      exitCode: EXIT_CODE.usage,
      hints: [`Make one with all registered servers: mreg connect ${client} --write --all`],
    })
  }
  const bytes = exists ? await readFile(file) : Buffer.from('{}\n')
  const name = client === 'vscode' ? 'servers' : 'mcpServers'
  const empty = parseConfigFile(file, Buffer.from(JSON.stringify({ [name]: {} })), { workspace })
  return { config: { ...empty, bytes, text: bytes.toString('utf8').replace(/^\uFEFF/u, '') }, isNew: !exists }
}

/** @throws {CommandFailure} for a name that is not registered. */
const known = (names: readonly string[], slugs: readonly string[]): readonly string[] => {
  const unknown = names.find((name) => !slugs.includes(name))
  if (unknown !== undefined) {
    throw new CommandFailure('server_not_found', `no server is registered as ${JSON.stringify(unknown)}`, {
      exitCode: EXIT_CODE.refused,
      hints: ['See what is registered with: mreg list'],
    })
  }
  return names.length === 0 ? slugs : names
}

const realPath = (file: string): Promise<string> => realpath(file).catch(() => file)

const clientKind = (text: string): ClientKind => {
  if (isClientKind(text)) return text
  throw new InvalidArgumentError(`It is one of ${CLIENT_KINDS.join(', ')}.`)
}
