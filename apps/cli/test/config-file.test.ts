import { expect, test } from 'vitest'

import { type ConfigFile, parseConfigFile } from '../src/client-configs/config-file.ts'
import { readServerDefinition } from '../src/client-configs/server-definition.ts'
import { CURSOR_FILE } from './support/fixtures.ts'

const parse = (content: unknown, workspace = '/work'): ConfigFile =>
  parseConfigFile('/a/file.json', Buffer.from(JSON.stringify(content)), { workspace })

const names = (config: ConfigFile): string[] => config.entries.map(({ name }) => name)

test('servers are found in the shapes of all clients', () => {
  const server = { command: 'npx' }
  expect(names(parse({ mcpServers: { a: server } }))).toEqual(['a'])
  expect(names(parse({ servers: { b: server }, inputs: [] }))).toEqual(['b'])
  expect(names(parse({ mcp: { servers: { c: server }, inputs: [{ id: 'x' }] } }))).toEqual(['c'])
})

test('of a file with several projects, the servers of the user and of the one project are read', () => {
  const content = {
    mcpServers: { everywhere: {} },
    projects: {
      '/projects/shop': { mcpServers: { shop: {} } },
      '/projects/blog': { mcpServers: { blog: {} } },
    },
  }
  const config = parse(content, '/projects/shop')
  expect(names(config)).toEqual(['everywhere', 'shop'])
  expect(config.entries[1]?.path).toEqual(['projects', '/projects/shop', 'mcpServers', 'shop'])
  expect(config.others).toEqual(['/projects/blog'])
})

test('comments, commas at the end, a byte order mark and CRLF are welcome', () => {
  const config = parseConfigFile('/a/mcp.json', CURSOR_FILE, { workspace: '/a' })
  expect(names(config)).toEqual(['linear', 'context7', 'local'])
  expect(config.bytes).toBe(CURSOR_FILE)
})

test('a file that is not JSON is refused with the place of the fault', () => {
  expect(() => parseConfigFile('x.json', Buffer.from('{\n  "a": ]\n}'), { workspace: '/' })).toThrow(
    /x\.json is not JSON: .* in line 2, column 8/u,
  )
})

test('a file without servers is refused, and not taken for an empty one', () => {
  expect(() => parse({ compilerOptions: {} })).toThrow(/holds no "mcpServers"/u)
})

test.each([
  [{ url: 'https://a.example/mcp' }, 'streamable-http'],
  [{ type: 'http', url: 'https://a.example/mcp' }, 'streamable-http'],
  [{ type: 'streamableHttp', url: 'https://a.example/mcp' }, 'streamable-http'],
  [{ type: 'sse', url: 'https://a.example/sse' }, 'sse'],
  [{ serverUrl: 'https://a.example/mcp' }, 'streamable-http'],
  [{ httpUrl: 'https://a.example/mcp' }, 'streamable-http'],
])('%j is a server with a URL', (value, transport) => {
  expect(readServerDefinition(value)).toMatchObject({ kind: 'url', transport })
})

test('numbers and switches in an environment become text, and what is null is left out', () => {
  expect(readServerDefinition({ command: 'x', env: { PORT: 80, DEBUG: true, NONE: null } })).toMatchObject({
    env: { PORT: '80', DEBUG: 'true' },
  })
})

test.each([{ disabled: true }, { enabled: false }])('%j is disabled', (value) => {
  expect(readServerDefinition({ command: 'x', ...value })).toMatchObject({ disabled: true })
})

test.each([
  [{}, /neither a URL nor a command/u],
  [{ command: 'x', url: 'https://a.example' }, /both a URL and a command/u],
  [{ command: 'x', args: 'not a list' }, /args/u],
  [{ command: 'x', env: { KEY: { secret: 'abc' } } }, /env\.KEY/u],
  ['text', /./u],
])('%j is a fault that names the member and shows no value', (value, words) => {
  const definition = readServerDefinition(value)
  const fault = 'fault' in definition ? definition.fault : ''
  expect(fault).toMatch(words)
  expect(fault).not.toContain('abc')
})
