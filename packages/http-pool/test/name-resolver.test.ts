import { rm, writeFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { NameResolutionError, NameResolver, type NameResolverOptions } from '../src/index.ts'
import { startDnsServer, type DnsZone } from './support/dns-server.ts'
import { writeNameFiles } from './support/name-files.ts'

const addressesOf = async (resolver: NameResolver, name: string): Promise<string[]> =>
  (await resolver.resolve(name)).map(({ address }) => address)

const failureOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
  } catch (error) {
    if (error instanceof NameResolutionError) return error.code
    throw error
  }
  throw new Error('expected a failure, but it resolved')
}

/** A resolver that knows nothing of the machine it runs on. */
const openResolver = async (
  zone: DnsZone,
  { hosts, resolvConf, ...options }: NameResolverOptions & { hosts?: string; resolvConf?: string } = {},
): Promise<AsyncDisposable & { resolver: NameResolver; queries: readonly string[]; hostsPath: string }> => {
  const server = await startDnsServer(zone)
  const { hostsPath, resolvConfPath, ...files } = await writeNameFiles({
    ...(hosts === undefined ? {} : { hosts }),
    ...(resolvConf === undefined ? {} : { resolvConf }),
  })
  const resolver = new NameResolver({
    servers: [server.address],
    hostsPath,
    resolvConfPath,
    maxSystemLookups: 0,
    // Far more than an answer on loopback takes, also on a busy machine.
    timeoutMs: 10_000,
    ...options,
  })
  return {
    resolver,
    queries: server.queries,
    hostsPath,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await files[Symbol.asyncDispose]()
    },
  }
}

test('an address stands for itself and is asked of nobody', async () => {
  await using names = await openResolver(new Map())
  expect(await names.resolver.resolve('127.0.0.1')).toEqual([{ address: '127.0.0.1', family: 4 }])
  expect(await names.resolver.resolve('::1')).toEqual([{ address: '::1', family: 6 }])
  expect(names.queries).toEqual([])
})

test('the hosts file comes before name servers, whatever the case and the final dot', async () => {
  await using names = await openResolver(new Map([['mcp.test', { addresses: ['192.0.2.9'] }]]), {
    hosts: '# comment\n192.0.2.1\tmcp.test MCP-two.test # more\n2001:db8::1 mcp.test\nnonsense mcp.test\n',
  })
  expect((await addressesOf(names.resolver, 'mcp.test')).toSorted()).toEqual(['192.0.2.1', '2001:db8::1'])
  expect(await addressesOf(names.resolver, 'MCP-TWO.test.')).toEqual(['192.0.2.1'])
  expect(names.queries).toEqual([])
})

test('a change of the hosts file is seen when it is looked at again', async () => {
  let nowMs = 0
  await using names = await openResolver(new Map(), { hosts: '192.0.2.1 mcp.test', now: () => nowMs })
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.1'])
  await writeFile(names.hostsPath, '192.0.2.20 mcp.test')
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.1'])
  nowMs += 5_000
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.20'])
  await rm(names.hostsPath)
  nowMs += 5_000
  expect(await failureOf(names.resolver.resolve('mcp.test'))).toBe('ENOTFOUND')
})

test('localhost and what is below it is loopback, of both families, and leaves the machine never', async () => {
  await using names = await openResolver(new Map([['localhost', { addresses: ['192.0.2.1'] }]]))
  expect((await addressesOf(names.resolver, 'localhost')).toSorted()).toEqual(['127.0.0.1', '::1'])
  expect((await addressesOf(names.resolver, 'mcp.localhost')).toSorted()).toEqual(['127.0.0.1', '::1'])
  expect(await failureOf(names.resolver.resolve('mcp.invalid'))).toBe('ENOTFOUND')
  expect(names.queries).toEqual([])
})

test('both families are asked for, and one is enough', async () => {
  await using names = await openResolver(
    new Map([
      ['both.test', { addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }],
      ['six.test', { addresses: ['2001:db8::6'] }],
    ]),
  )
  expect((await addressesOf(names.resolver, 'both.test')).toSorted()).toEqual([
    '192.0.2.1',
    '192.0.2.2',
    '2001:db8::1',
  ])
  expect(await addressesOf(names.resolver, 'six.test')).toEqual(['2001:db8::6'])
})

test('lookup gives one address or all, of the family that is asked for', async () => {
  await using names = await openResolver(
    new Map([['both.test', { addresses: ['192.0.2.1', '2001:db8::1'] }]]),
  )
  const look = (options: object): Promise<unknown> =>
    new Promise((resolve) => {
      names.resolver.lookup('both.test', options, (error, address, family) =>
        resolve(error?.code ?? [address, family]),
      )
    })
  expect(await look({ family: 4 })).toEqual(['192.0.2.1', 4])
  expect(await look({ family: 'IPv6', all: true })).toEqual([
    [{ address: '2001:db8::1', family: 6 }],
    undefined,
  ])
})

test('a short name is completed by the search list, a name with enough dots is asked for as it is first', async () => {
  await using names = await openResolver(
    new Map([
      ['mcp.team.cluster.test', { addresses: ['192.0.2.1'] }],
      ['api.svc', { addresses: ['192.0.2.2'] }],
      ['api.svc.cluster.test', { addresses: ['192.0.2.3'] }],
    ]),
    { resolvConf: 'search first.test\nsearch team.cluster.test. cluster.test\noptions edns0 ndots:1\n' },
  )
  expect(await addressesOf(names.resolver, 'mcp')).toEqual(['192.0.2.1'])
  expect(await addressesOf(names.resolver, 'api.svc')).toEqual(['192.0.2.2'])
  expect(names.queries.some((query) => query.includes('first.test'))).toBe(false)
})

test('ndots decides what is asked for first, and a final dot asks for nothing else', async () => {
  await using names = await openResolver(
    new Map([
      ['api.svc', { addresses: ['192.0.2.2'] }],
      ['api.svc.cluster.test', { addresses: ['192.0.2.3'] }],
      ['far.example', { addresses: ['192.0.2.4'] }],
    ]),
    { resolvConf: 'search team.cluster.test cluster.test\noptions ndots:5\n' },
  )
  expect(await addressesOf(names.resolver, 'api.svc')).toEqual(['192.0.2.3'])
  expect(await addressesOf(names.resolver, 'api.svc.')).toEqual(['192.0.2.2'])
  expect(await addressesOf(names.resolver, 'far.example')).toEqual(['192.0.2.4'])
  const asked = names.queries.filter((query) => query.startsWith('far.') && query.endsWith(' A'))
  expect(asked).toEqual(['far.example.team.cluster.test A', 'far.example.cluster.test A', 'far.example A'])
})

test('addresses are remembered for their time to live, and no longer', async () => {
  let nowMs = 0
  const zone = new Map([['mcp.test', { addresses: ['192.0.2.1'], ttl: 30 }]])
  await using names = await openResolver(zone, { now: () => nowMs })
  const asked = (): number => names.queries.filter((query) => query === 'mcp.test A').length
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.1'])
  zone.set('mcp.test', { addresses: ['192.0.2.2'], ttl: 30 })
  nowMs = 29_999
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.1'])
  expect(asked()).toBe(1)
  nowMs = 30_000
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.2'])
  expect(asked()).toBe(2)
})

test('a long time to live is cut, and one of nothing is not remembered', async () => {
  let nowMs = 0
  const zone: DnsZone = new Map([
    ['long.test', { addresses: ['192.0.2.1'], ttl: 86_400 }],
    ['none.test', { addresses: ['192.0.2.2'], ttl: 0 }],
  ])
  await using names = await openResolver(zone, { now: () => nowMs, maxTimeToLiveMs: 60_000 })
  const asked = (name: string): number => names.queries.filter((query) => query === `${name} A`).length
  await names.resolver.resolve('long.test')
  nowMs = 60_000
  await names.resolver.resolve('long.test')
  expect(asked('long.test')).toBe(2)
  await names.resolver.resolve('none.test')
  await names.resolver.resolve('none.test')
  expect(asked('none.test')).toBe(2)
})

test('F3: a name that does not exist is remembered for seconds, and found when it exists', async () => {
  let nowMs = 0
  const zone: Map<string, { addresses: string[] }> = new Map()
  await using names = await openResolver(zone, { now: () => nowMs })
  expect(await failureOf(names.resolver.resolve('new.test'))).toBe('ENOTFOUND')
  const asked = names.queries.length
  zone.set('new.test', { addresses: ['192.0.2.1'] })
  nowMs = 4_999
  expect(await failureOf(names.resolver.resolve('new.test'))).toBe('ENOTFOUND')
  expect(names.queries.length).toBe(asked)
  nowMs = 5_000
  expect(await addressesOf(names.resolver, 'new.test')).toEqual(['192.0.2.1'])
})

test('F3: a server that fails says so, and is asked again after a second', async () => {
  let nowMs = 0
  const zone: Map<string, { addresses: string[] } | { code: number }> = new Map([['mcp.test', { code: 2 }]])
  await using names = await openResolver(zone, { now: () => nowMs })
  expect(await failureOf(names.resolver.resolve('mcp.test'))).toBe('ESERVFAIL')
  zone.set('mcp.test', { addresses: ['192.0.2.1'] })
  nowMs = 1_000
  expect(await addressesOf(names.resolver, 'mcp.test')).toEqual(['192.0.2.1'])
})

test('who asks for the same name at the same time shares one query', async () => {
  await using names = await openResolver(new Map([['mcp.test', { addresses: ['192.0.2.1'] }]]))
  await Promise.all(Array.from({ length: 50 }, () => names.resolver.resolve('mcp.test')))
  expect(names.queries.toSorted()).toEqual(['mcp.test A', 'mcp.test AAAA'])
})

test('F4: names whose server never answers hold up no other name', async () => {
  const dead = Array.from({ length: 50 }, (_, index) => `dead-${index}.test`)
  const zone: DnsZone = new Map<string, 'silent' | { addresses: string[] }>([
    ...dead.map((name) => [name, 'silent'] as const),
    ['alive.test', { addresses: ['192.0.2.1'] }],
  ])
  await using names = await openResolver(zone, { timeoutMs: 8_000 })
  let areOver = false
  const failures = Promise.all(dead.map((name) => failureOf(names.resolver.resolve(name)))).finally(() => {
    areOver = true
  })
  await expect.poll(() => names.queries.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(100)
  expect(await addressesOf(names.resolver, 'alive.test')).toEqual(['192.0.2.1'])
  expect(areOver).toBe(false)
  void failures
})

test('F4: a name whose server never answers fails at the time-out', async () => {
  await using names = await openResolver(new Map([['dead.test', 'silent']]), { timeoutMs: 300 })
  expect(await failureOf(names.resolver.resolve('dead.test'))).toBe('ETIMEOUT')
})

test('what name servers do not know, the system is asked for: a few at a time', async () => {
  const asked: string[] = []
  const held: (() => void)[] = []
  await using names = await openResolver(new Map(), {
    maxSystemLookups: 2,
    systemLookup: (name) => {
      asked.push(name)
      return new Promise((resolve) => held.push(() => resolve([{ address: '192.0.2.1', family: 4 }])))
    },
  })
  const found = ['one', 'two', 'three'].map((name) => addressesOf(names.resolver, `${name}.local`))
  await expect.poll(() => asked.length).toBe(2)
  await expect.poll(() => names.queries.length).toBe(6)
  expect(asked.length).toBe(2)
  held.shift()?.()
  await expect.poll(() => asked.length).toBe(3)
  for (const release of held) release()
  expect(await Promise.all(found)).toEqual([['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1']])
})

test('a system that hangs is given up, and who waits behind it too', async () => {
  await using names = await openResolver(new Map(), {
    maxSystemLookups: 1,
    timeoutMs: 1_000,
    systemLookup: () => new Promise(() => undefined),
  })
  const failures = ['one.local', 'two.local'].map((name) => failureOf(names.resolver.resolve(name)))
  expect(await Promise.all(failures)).toEqual(['ETIMEOUT', 'ETIMEOUT'])
})

test('without any name server the system is asked', async () => {
  await using files = await writeNameFiles()
  const resolver = new NameResolver({
    ...files,
    // Port 9 of loopback: nobody listens.
    servers: ['127.0.0.1:9'],
    timeoutMs: 10_000,
    systemLookup: () => Promise.resolve([{ address: '192.0.2.1', family: 4 }]),
  })
  expect(await addressesOf(resolver, 'mcp.test')).toEqual(['192.0.2.1'])
})

test("the system's own resolver is asked by default, and its refusal is one of a name", async () => {
  await using names = await openResolver(new Map(), { maxSystemLookups: 1 })
  // 0x7f.1 is no name of DNS; the system's resolver reads it as an address.
  const outcome = await names.resolver.resolve('0x7f.1').then(
    (addresses) => addresses.map(({ address }) => address),
    (error: unknown) => error,
  )
  expect(outcome).toEqual(['127.0.0.1'])
})

test('more names than are allowed at once are refused', async () => {
  await using names = await openResolver(new Map([['slow.test', 'silent']]), {
    maxPendingNames: 1,
    timeoutMs: 1_000,
  })
  const slow = failureOf(names.resolver.resolve('slow.test'))
  expect(await failureOf(names.resolver.resolve('other.test'))).toBe('EBUSY')
  expect(await slow).toBe('ETIMEOUT')
  expect(await failureOf(names.resolver.resolve('other.test'))).toBe('ENOTFOUND')
})

test('the memory is bounded: the name entered first is asked for again', async () => {
  const zone = new Map(['a', 'b', 'c'].map((name) => [`${name}.test`, { addresses: ['192.0.2.1'] }]))
  await using names = await openResolver(zone, { maxCachedNames: 2 })
  for (const name of ['a', 'b', 'c', 'a']) await names.resolver.resolve(`${name}.test`)
  expect(names.queries.filter((query) => query === 'a.test A').length).toBe(2)
  expect(names.queries.filter((query) => query === 'b.test A').length).toBe(1)
})

test('an option out of range is refused by name', () => {
  expect(() => new NameResolver({ timeoutMs: 0 })).toThrow(/^NameResolver option timeoutMs must be/u)
})
