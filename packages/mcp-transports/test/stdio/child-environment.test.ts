import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { childEnvironment, environmentFault } from '../../src/index.ts'
import { startedStdio, StdioCaller } from '../support/open-stdio.ts'

test('S46: a child inherits what it needs to run and to reach the network, and nothing else', () => {
  const inherited = {
    PATH: '/bin',
    HOME: '/home/me',
    LANG: 'C',
    LC_ALL: 'de_CH.UTF-8',
    TZ: 'Europe/Zurich',
    TMPDIR: '/tmp',
    https_proxy: 'http://proxy:3128',
    NO_PROXY: 'localhost',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    npm_config_registry: 'https://registry.example',
    NPM_CONFIG_CACHE: '/cache',
  }
  const kept = {
    MREG_ADMIN_KEY: 'secret',
    MREG_SECRET_KEY_FILE: '/run/secret',
    DATABASE_URL: 'postgres://user:password@host',
    AWS_SECRET_ACCESS_KEY: 'secret',
    GITHUB_TOKEN: 'secret',
    NODE_OPTIONS: '--require=/evil.js',
    LD_PRELOAD: '/evil.so',
    npm_config_package: 'the gateway itself',
    npm_config__authToken: 'secret',
    npm_lifecycle_event: 'npx',
    BASH_FUNC: '() { evil; }',
    undefined: undefined,
  }
  expect(childEnvironment({}, { ...inherited, ...kept })).toEqual(inherited)
  expect(childEnvironment({ HOME: '/elsewhere', TOKEN: 'given' }, inherited)).toEqual({
    ...inherited,
    HOME: '/elsewhere',
    TOKEN: 'given',
  })
})

test('a child has that environment and its own, and a mark of its owner', async () => {
  process.env['MREG_TEST_CANARY'] = 'canary'
  try {
    await using transport = await startedStdio({}, {}, { TOKEN: 'given' })
    const environment = JSON.parse(await (await StdioCaller.open(transport)).textOf('environment'))
    expect(environment).toMatchObject({ PATH: process.env['PATH'], TOKEN: 'given' })
    expect(JSON.stringify(environment)).not.toMatch(/MREG_|canary|VITEST/u)
    expect(Object.keys(environment)).toContain('MCP_CHILD_OF')
  } finally {
    delete process.env['MREG_TEST_CANARY']
  }
})

test('no shell reads a command: its arguments arrive as they were written (S45, S46)', async () => {
  const canary = join(tmpdir(), `mreg-canary-${crypto.randomUUID()}`)
  const hostile = [
    `$(touch ${canary})`,
    `\`touch ${canary}\``,
    `; touch ${canary}`,
    `| touch ${canary}`,
    `> ${canary}`,
    '$HOME ~ *',
    'two words "and" \'quotes\'',
    'a\nb',
    '',
  ]
  await using transport = await startedStdio({ stderr: hostile })
  const { argv } = JSON.parse(await (await StdioCaller.open(transport)).textOf('about'))
  expect(argv).toEqual(hostile.map((text) => `--stderr=${text}`))
  expect(existsSync(canary)).toBe(false)
})

test.each([
  'NODE_OPTIONS',
  'node_options',
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'DYLD_INSERT_LIBRARIES',
  'BASH_ENV',
  'MREG_ADMIN_KEY',
  'mreg_x',
])('S46: %s cannot be set', (name) => {
  expect(environmentFault(name, 'value')).toBeDefined()
})

test.each(['', '1A', 'A=B', 'A B', 'Ä', 'A\n'])('%j is no name', (name) => {
  expect(environmentFault(name, 'value')).toBe('is not the name of an environment variable')
})

test('other names may be set, to anything without NUL', () => {
  for (const name of ['API_KEY', '_x', 'path.with-both', 'PYTHONPATH', 'HOME', 'MREGX']) {
    expect(environmentFault(name, 'any = value\nof two lines')).toBeUndefined()
  }
  const fault = environmentFault('A', 'se\0cret')
  expect(fault).toBe('holds a NUL character')
})
