import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { type JSONPath, parse, type ParseError, printParseErrorCode } from 'jsonc-parser'

import { CommandFailure } from '../command-failure.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'

/** One server in the file of a client. */
export interface ConfigEntry {
  /** The name under which the client knows it. */
  readonly name: string
  /** Where it is in the file. */
  readonly path: JSONPath
  readonly value: unknown
}

/** The file of a client. */
export interface ConfigFile {
  /** Its full path. */
  readonly file: string
  /** As it is on disk, byte for byte. */
  readonly bytes: Buffer
  /** As text, without a byte order mark. */
  readonly text: string
  /** Where new servers go. */
  readonly container: JSONPath
  readonly entries: readonly ConfigEntry[]
  /** What VS Code asks its user for: `inputs`. */
  readonly inputs: readonly JsonObject[]
  /** Other places in the file that hold servers and were not read. */
  readonly others: readonly string[]
}

export interface ReadConfigOptions {
  /** The folder whose servers are wanted where a file holds those of several (Claude Code). */
  readonly workspace: string
}

/**
 * Reads the file of a client: `mcpServers` (Claude Desktop, Claude Code, Cursor and most others), `servers` with
 * `inputs` (VS Code), `mcp.servers` (settings of VS Code). Comments and trailing commas are welcome.
 *
 * @throws {CommandFailure} `file_unreadable`, `file_not_json`, `file_without_servers`.
 */
export const readConfigFile = async (file: string, options: ReadConfigOptions): Promise<ConfigFile> => {
  const bytes = await readBytes(file)
  return parseConfigFile(resolve(file), bytes, options)
}

/** The same of bytes that have been read. */
export const parseConfigFile = (
  file: string,
  bytes: Buffer,
  { workspace }: ReadConfigOptions,
): ConfigFile => {
  const text = bytes.toString('utf8').replace(/^\uFEFF/u, '')
  const root = parseJsonc(file, text)
  const project = ['projects', resolve(workspace), 'mcpServers']
  const places = [['mcpServers'], ['servers'], ['mcp', 'servers'], project].filter((path) =>
    isJsonObject(at(root, path)),
  )
  const [container] = places
  const others = projectsWithServers(root).filter((folder) => folder !== resolve(workspace))
  if (container === undefined && others.length === 0) {
    throw new CommandFailure('file_without_servers', `${file} holds no "mcpServers" and no "servers"`, {
      exitCode: EXIT_CODE.usage,
      hints: [
        'It is the file in which a client keeps its MCP servers; mreg import --help names the usual places.',
      ],
    })
  }
  const inputs = [at(root, ['inputs']), at(root, ['mcp', 'inputs'])].find(Array.isArray) ?? []
  return {
    file,
    bytes,
    text,
    container: container ?? ['mcpServers'],
    entries: places.flatMap((path) => entriesIn(root, path)),
    inputs: inputs.filter(isJsonObject),
    others,
  }
}

const entriesIn = (root: unknown, path: readonly string[]): ConfigEntry[] =>
  Object.entries(at(root, path) ?? {}).map(([name, value]) => ({ name, path: [...path, name], value }))

const projectsWithServers = (root: unknown): string[] =>
  Object.entries(at(root, ['projects']) ?? {})
    .filter(([, project]) => Object.keys(at(project, ['mcpServers']) ?? {}).length > 0)
    .map(([folder]) => folder)

const at = (root: unknown, path: readonly string[]): object | undefined => {
  let value = root
  for (const name of path) value = isJsonObject(value) ? value[name] : undefined
  return typeof value === 'object' && value !== null ? value : undefined
}

const readBytes = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CommandFailure(
      'file_unreadable',
      code === 'ENOENT' ? `there is no file ${file}` : `cannot read ${file} (${code})`,
      { cause: error, exitCode: EXIT_CODE.usage },
    )
  }
}

const parseJsonc = (file: string, text: string): unknown => {
  const errors: ParseError[] = []
  const root: unknown = parse(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [first] = errors
  if (first === undefined) return root ?? {}
  const before = text.slice(0, first.offset).split('\n')
  throw new CommandFailure(
    'file_not_json',
    `${file} is not JSON: ${printParseErrorCode(first.error)} in line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`,
    { exitCode: EXIT_CODE.usage },
  )
}
