import { ForbiddenError, type Principal, ValidationError } from '@mreg/core'
import { createPglitePool } from '@mreg/db-pool/pglite'
import { migrations, type RegistryDatabase } from '@mreg/repositories'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { ServerInput, ServerPatch } from '../src/index.ts'
import { makePrincipal, openRegistry, rejection, type RegistryPool } from './support/open-registry.ts'

let database: RegistryPool

beforeAll(async () => {
  database = createPglitePool<RegistryDatabase>({ acquireTimeoutMs: 15_000 })
  await database.initialize({ timeoutMs: 30_000 })
  await database.migrate(migrations)
}, 60_000)

afterAll(() => database?.close())

const open = (live?: Parameters<typeof openRegistry>[1]): ReturnType<typeof openRegistry> =>
  openRegistry(database, { checker: async () => {}, ...live })

const url = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
const command = { transport: 'stdio', command: 'server' } as const
const commandServer = (slug: string, more: object = {}): ServerInput => ({
  slug,
  endpoints: [{ ...command, ...more }],
})

/** The paths of what is wrong with an input. */
const faultsIn = (error: unknown): string[] => {
  if (!ValidationError.is(error)) throw error
  return error.faults.map(({ path }) => path)
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await rejection(work)
  if (!ForbiddenError.is(error)) throw error
  return error.code
}

describe('a command', () => {
  test('is kept exactly; its environment is sealed, and only its names are shown', async () => {
    await using opened = await open()
    const principal = await makePrincipal(database)
    const args = ['--flag', '', 'two words', '$HOME', '"quoted"', 'ümlaut', '-y', '--']
    const shown = await opened.registry.register(
      principal,
      commandServer('exact', { args, cwd: '/srv', env: { API_KEY: 'canary', other_key: '' } }),
    )
    expect(shown.endpoints).toMatchObject([
      {
        transport: 'stdio',
        command: 'server',
        args,
        cwd: '/srv',
        envNames: ['API_KEY', 'other_key'],
        headerNames: [],
      },
    ])
    expect(JSON.stringify(shown)).not.toContain('canary')
    const served = opened.served.find(principal.tenantId, 'exact')?.endpoints[0]
    expect(Buffer.from(served?.secret?.ciphertext ?? []).toString('latin1')).not.toContain('canary')
    const owner = { tenantId: principal.tenantId, secretId: served?.secretId ?? '' }
    expect(opened.vault.open(owner, served?.secret?.ciphertext ?? new Uint8Array())).toEqual({
      headers: {},
      environment: { API_KEY: 'canary', other_key: '' },
    })
  })

  test('needs no arguments and no environment, and has nothing to keep secret then', async () => {
    await using opened = await open()
    const shown = await opened.registry.register(await makePrincipal(database), commandServer('bare'))
    expect(shown.endpoints).toMatchObject([
      { args: [], cwd: undefined, envNames: [], live: { state: 'stopped', processes: 0 } },
    ])
  })

  test.each([
    ['no program', { command: '  ' }, 'command'],
    ['a NUL in the program', { command: 'a\0b' }, 'command'],
    ['a NUL in an argument', { args: ['ok', 'a\0b'] }, 'args.1'],
    ['a relative directory', { cwd: 'here' }, 'cwd'],
    ['a URL', { url: 'http://127.0.0.1/mcp' }, 'url'],
    ['headers', { headers: { Authorization: 'x' } }, 'headers'],
    ['a name that is none', { env: { 'A B': 'canary' } }, 'env.A B'],
    ['NODE_OPTIONS', { env: { NODE_OPTIONS: 'canary' } }, 'env.NODE_OPTIONS'],
    ['LD_PRELOAD', { env: { LD_PRELOAD: 'canary' } }, 'env.LD_PRELOAD'],
    ['a variable of the gateway', { env: { MREG_ADMIN_KEY: 'canary' } }, 'env.MREG_ADMIN_KEY'],
    ['a NUL in a value', { env: { A: 'can\0ary' } }, 'env.A'],
  ])('S46 with %s is refused, without showing a value', async (_what, more, path) => {
    await using opened = await open()
    const work = opened.registry.register(await makePrincipal(database), commandServer('refused', more))
    const error = await rejection(work)
    expect(faultsIn(error)).toEqual([`endpoints.0.${path}`])
    expect(String(error)).not.toContain('canary')
  })

  test('shows what its processes are doing', async () => {
    const state = { state: 'running', processes: 2, lastErrorLine: 'listening' } as const
    await using opened = await openRegistry(database, { checker: async () => {}, live: () => state })
    const principal = await makePrincipal(database)
    await opened.registry.register(principal, commandServer('live'))
    expect((await opened.registry.get(principal, 'live')).endpoints[0]?.live).toEqual(state)
    await opened.registry.register(principal, { slug: 'url', endpoints: [url] })
    expect((await opened.registry.get(principal, 'url')).endpoints[0]?.live).toBeUndefined()
  })

  test('is the same endpoint as long as it is the same command, whatever its environment', async () => {
    await using opened = await open()
    const principal = await makePrincipal(database)
    const before = await opened.registry.register(principal, commandServer('same', { args: ['a'] }))
    const id = before.endpoints[0]?.id
    const changes: [object, boolean][] = [
      [{ args: ['a'], env: { A: 'b' } }, true],
      [{ args: ['b'] }, false],
      [{ args: ['a'], cwd: '/' }, false],
    ]
    for (const [more, isSame] of changes) {
      const after = await opened.registry.update(principal, 'same', { endpoints: [{ ...command, ...more }] })
      expect(after.endpoints[0]?.id === id).toBe(isSame)
      await opened.registry.update(principal, 'same', { endpoints: [{ ...command, args: ['a'] }] })
      if (!isSame) break
    }
  })
})

const operatorOf = (administrator: Principal): Principal => ({
  ...administrator,
  id: 'operator',
  role: 'operator',
})

describe('an operator', () => {
  test('S45 may not register a command, also not beside a URL', async () => {
    await using opened = await open()
    const operator = await makePrincipal(database, 'operator')
    expect(await codeOf(opened.registry.register(operator, commandServer('mine')))).toBe('role_too_low')
    expect(
      await codeOf(opened.registry.register(operator, { slug: 'mine', endpoints: [url, command] })),
    ).toBe('role_too_low')
    expect((await opened.registry.list(operator, { limit: 10 })).items).toEqual([])
  })

  test('S45 may not change what is run, put a command in place of a URL, or say who shares a process', async () => {
    await using opened = await open()
    const administrator = await makePrincipal(database)
    const operator = operatorOf(administrator)
    await opened.registry.register(administrator, commandServer('command'))
    await opened.registry.register(administrator, { slug: 'url', endpoints: [url] })
    const patches: [string, ServerPatch][] = [
      ['command', { endpoints: [{ ...command, args: ['other'] }] }],
      ['command', { endpoints: [url] }],
      ['command', { settings: { isolation: 'shared' } }],
      ['url', { endpoints: [command] }],
    ]
    for (const [slug, patch] of patches) {
      expect(await codeOf(opened.registry.update(operator, slug, patch))).toBe('role_too_low')
    }
    expect(await opened.registry.get(administrator, 'command')).toMatchObject({ revision: 1, settings: {} })
  })

  test('may rename, limit and remove a server that is a command', async () => {
    await using opened = await open()
    const administrator = await makePrincipal(database)
    const operator = operatorOf(administrator)
    await opened.registry.register(administrator, {
      ...commandServer('command'),
      settings: { isolation: 'session' },
    })
    await opened.registry.update(operator, 'command', {
      title: 'Renamed',
      settings: { isolation: 'session', toolCallTimeoutMs: 1_000 },
    })
    await opened.registry.remove(operator, 'command')
    expect((await opened.registry.list(administrator, { limit: 10 })).items).toEqual([])
  })
})
