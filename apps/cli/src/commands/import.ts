import { realpath } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'

import { type Command, InvalidArgumentError } from 'commander'

import { CLIENT_KINDS, isClientKind } from '../client-configs/client-kind.ts'
import { clientFile, homeDirectory } from '../client-configs/client-places.ts'
import { readConfigFile } from '../client-configs/config-file.ts'
import { connectToGateway, contextOf } from '../context.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { applyImport, type ImportedServer } from '../import/apply-import.ts'
import { Asker } from '../import/asker.ts'
import { ImportRecord } from '../import/import-record.ts'
import { inputSource, unaskedInputs } from '../import/input-source.ts'
import { planImport } from '../import/plan-import.ts'
import { Variables } from '../import/variables.ts'
import { examplesHelp } from '../output/examples.ts'
import type { Output } from '../output/output.ts'
import { printableLines } from '../output/printable.ts'
import { statusText } from '../output/server-text.ts'

interface ImportOptions {
  readonly dryRun?: boolean
  readonly includeDisabled?: boolean
  readonly overwrite?: boolean
  readonly secretsInTheOpen?: boolean
  readonly input: ReadonlyMap<string, string>
  readonly workspace?: string
  readonly wait: boolean
}

/** `mreg import FILE`: registers the servers that a client has in its file. */
export const registerImport = (program: Command): void => {
  program
    .command('import')
    .summary('register the servers that a client has')
    .description(
      `Registers the servers in the file of an MCP client: Claude Desktop, Claude Code, Cursor, VS Code, or any with "mcpServers". The file is only read.\nSecrets in headers and environments go to the gateway, which keeps them encrypted; none is printed. A second import of the same file changes nothing.`,
    )
    .argument('<file>', `the file; or ${CLIENT_KINDS.join(', ')} for the one of your user`)
    .option('-n, --dry-run', 'say what would be done, and do nothing')
    .option('--include-disabled', 'also servers that are disabled in the file; they are left out otherwise')
    .option('--overwrite', 'change servers that are registered otherwise than in the file')
    .option(
      '--input <id=value>',
      'the value of ${input:id}; asked for on a terminal otherwise',
      input,
      new Map(),
    )
    .option(
      '--workspace <directory>',
      'what ${workspaceFolder} and relative paths mean (default: the folder of the file)',
    )
    .option(
      '--secrets-in-the-open',
      'let secrets become arguments or parts of URLs, where they are not encrypted',
    )
    .option('--no-wait', 'do not wait until the servers have been asked whether they work')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg import claude-desktop --dry-run', 'see what Claude Desktop has, and what would be done'],
        ['mreg import ~/.cursor/mcp.json', 'everything that Cursor has'],
        ['mreg import .vscode/mcp.json', 'a project of VS Code; its inputs are asked for'],
        ['mreg import .vscode/mcp.json --input token="$TOKEN"', 'the same in a script'],
      ]),
    )
    .action(async (source: string, options: ImportOptions, command: Command) => {
      const context = contextOf(command)
      const { environment, output } = context
      const { dryRun = false } = options
      const given = isClientKind(source) ? clientFile(source, environment) : source
      const folder = workspaceOf(given, options.workspace, context.workingDirectory)
      const config = await readConfigFile(given, { workspace: options.workspace ?? context.workingDirectory })
      const file = await realpath(config.file)
      const gateway = await connectToGateway(context)
      const record = await ImportRecord.open(gateway.gateway, environment)
      using asker = dryRun ? undefined : Asker.forTerminal()
      const places = { environment, workspace: folder, home: homeDirectory(environment) }
      const inputs = { definitions: config.inputs, given: options.input }
      const planned = await planImport(config.entries, {
        file,
        gatewayUrl: gateway.gateway.url,
        registered: await gateway.list(),
        record,
        workspace: folder,
        includeDisabled: options.includeDisabled ?? false,
        overwrite: options.overwrite ?? false,
        secretsInTheOpen: options.secretsInTheOpen ?? false,
        dryRun,
        variables: new Variables({ ...places, input: inputSource({ ...inputs, asker }) }),
        unaskedVariables: new Variables({ ...places, input: unaskedInputs(inputs) }),
      })
      const imported = dryRun
        ? planned.map(({ name, slug, action, reason }): ImportedServer => ({
            name,
            slug,
            action,
            reason,
            status: undefined,
          }))
        : await applyImport(planned, { gateway, record, file, output, wait: options.wait })
      output.result({ file, dryRun, servers: imported }, () => importText(imported, dryRun, output))
      if (config.others.length > 0) {
        output.note(
          `Servers of other projects are in this file too; import them with --workspace: ${config.others.join(', ')}`,
        )
      }
      if (imported.some(({ action }) => action === 'conflict' || action === 'fault'))
        process.exitCode = EXIT_CODE.failed
    })
}

const importText = (servers: readonly ImportedServer[], dryRun: boolean, output: Output): string => {
  if (servers.length === 0) return 'The file holds no servers.'
  const words = dryRun ? PLANNED : DONE
  const results = output.table<ImportedServer>(
    [
      { title: 'SERVER', value: ({ name }) => name },
      { title: 'NAME HERE', value: ({ slug }) => slug },
      {
        title: 'RESULT',
        value: ({ action }) => words[action],
        style: (text, { action }) => output.style(STYLES[action], text),
      },
      {
        title: 'STATUS',
        value: ({ status }) => status ?? '',
        style: (text, { status }) => (status === undefined ? text : statusText(output, status, text)),
      },
    ],
    servers,
  )
  const reasons = servers.flatMap(({ name, reason }) => (reason === undefined ? [] : [`${name}: ${reason}`]))
  return reasons.length === 0 ? results : `${results}\n${printableLines(reasons.join('\n'))}`
}

const DONE: Readonly<Record<ImportedServer['action'], string>> = {
  register: 'registered',
  update: 'updated',
  unchanged: 'unchanged',
  skipped: 'skipped',
  conflict: 'not imported',
  fault: 'not imported',
}

const PLANNED: Readonly<Record<ImportedServer['action'], string>> = {
  ...DONE,
  register: 'would register',
  update: 'would update',
}

const STYLES: Readonly<Record<ImportedServer['action'], Parameters<Output['style']>[0]>> = {
  register: 'green',
  update: 'green',
  unchanged: 'reset',
  skipped: 'dim',
  conflict: 'red',
  fault: 'red',
}

/** The folder that a file belongs to: for `.vscode/mcp.json` and `.cursor/mcp.json` the one above. */
const workspaceOf = (file: string, given: string | undefined, workingDirectory: string): string => {
  if (given !== undefined) return resolve(workingDirectory, given)
  const folder = dirname(resolve(workingDirectory, file))
  return ['.vscode', '.cursor'].includes(basename(folder)) ? dirname(folder) : folder
}

const input = (text: string, before: ReadonlyMap<string, string>): Map<string, string> => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('An input is written as id=value.')
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]])
}
