import { expect, test } from 'vitest'

import { addressKind, createEgressGuard, EgressDeniedError } from '../src/index.ts'
import { spellingsOf } from './support/spellings.ts'

const guard = createEgressGuard()

const isRefused = (check: () => unknown): boolean => {
  try {
    check()
    return false
  } catch (error) {
    if (error instanceof EgressDeniedError) return true
    throw error
  }
}
const refusesUrl = (host: string, by = guard): boolean =>
  isRefused(() => by.checkTarget(new URL(`http://${host}/`)))
const refusesAddress = (address: string, by = guard, hostname = 'mcp.example'): boolean =>
  isRefused(() => by.checkAddress(address, hostname))

const INTERNAL_IPV4 = {
  '0.0.0.0': 'reserved',
  '0.1.2.3': 'reserved',
  '10.0.0.1': 'private',
  '100.64.0.1': 'shared',
  '100.127.255.254': 'shared',
  '100.100.100.200': 'metadata',
  '127.0.0.1': 'loopback',
  '127.255.255.254': 'loopback',
  '168.63.129.16': 'metadata',
  '169.254.0.1': 'link-local',
  '169.254.169.254': 'metadata',
  '169.254.170.2': 'metadata',
  '172.16.0.1': 'private',
  '172.31.255.254': 'private',
  '192.0.0.8': 'reserved',
  '192.0.2.1': 'reserved',
  '192.88.99.1': 'reserved',
  '192.168.1.1': 'private',
  '198.18.0.1': 'reserved',
  '198.19.255.254': 'reserved',
  '198.51.100.1': 'reserved',
  '203.0.113.1': 'reserved',
  '224.0.0.1': 'multicast',
  '239.255.255.250': 'multicast',
  '240.0.0.1': 'reserved',
  '255.255.255.255': 'reserved',
} as const

const SPELLINGS = Object.keys(INTERNAL_IPV4).flatMap((address) => {
  const { asIpv4, asIpv6 } = spellingsOf(address)
  return [...asIpv4, ...asIpv6.map((spelling) => `[${spelling}]`)]
})

test('there are enough spellings', () => {
  expect(SPELLINGS.length).toBeGreaterThan(300)
})

test('S25: no spelling of an internal IPv4 address in a URL is let through', () => {
  expect(SPELLINGS.filter((host) => !refusesUrl(host))).toEqual([])
})

test('S26: no IPv6 address that stands for an internal IPv4 address is let through at connect time', () => {
  const addresses = Object.keys(INTERNAL_IPV4).flatMap((address) => [address, ...spellingsOf(address).asIpv6])
  expect(addresses.filter((address) => !refusesAddress(address))).toEqual([])
})

test.each(Object.entries(INTERNAL_IPV4))('%s is %s', (address, kind) => {
  expect(addressKind(address)).toBe(kind)
  expect(addressKind(`::ffff:${address}`)).toBe(kind)
})

test.each([
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['::1%lo', 'loopback'],
  ['[::1]', 'loopback'],
  ['::', 'reserved'],
  ['::7f00:1', 'reserved'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['febf:ffff::1', 'link-local'],
  ['fec0::1', 'private'],
  ['fc00::1', 'private'],
  ['fdff:ffff::1', 'private'],
  ['fd00:ec2::254', 'metadata'],
  ['fd20:ce::254', 'metadata'],
  ['ff02::1', 'multicast'],
  ['100::1', 'reserved'],
  ['2001::1', 'reserved'],
  ['2001:2::1', 'reserved'],
  ['2001:10::1', 'reserved'],
  ['2001:20::1', 'reserved'],
  ['2001:db8::1', 'reserved'],
  ['2002:0808:0808::1', 'reserved'],
  ['3fff::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'reserved'],
  ['64:ff9b:1::808:808', 'reserved'],
  ['not an address', 'reserved'],
  ['', 'reserved'],
])('%s is %s', (address, kind) => {
  expect(addressKind(address)).toBe(kind)
  expect(refusesAddress(address)).toBe(true)
})

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700::1111',
  '2a00:1450:4001::200e',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
])('%s is public', (address) => {
  expect(addressKind(address)).toBe('public')
  expect(refusesAddress(address)).toBe(false)
  expect(refusesUrl(address.includes(':') ? `[${address}]` : address)).toBe(false)
})

test.each(['localhost', 'LOCALHOST', 'localhost.', 'mcp.localhost', 'ｌocalhost'])(
  'the name %s is loopback before it is resolved',
  (host) => {
    expect(refusesUrl(host)).toBe(true)
    expect(refusesUrl(host, createEgressGuard({ allow: ['public', 'loopback'] }))).toBe(false)
  },
)

test('other names are judged by what they are resolved to, each time', () => {
  expect(refusesUrl('mcp.example')).toBe(false)
  expect(refusesAddress('8.8.8.8')).toBe(false)
  expect(refusesAddress('10.0.0.1')).toBe(true)
})

test('kinds can be allowed, and metadata is none of the others', () => {
  const office = createEgressGuard({ allow: ['public', 'private', 'link-local', 'shared'] })
  expect(refusesUrl('10.0.0.1', office)).toBe(false)
  expect(refusesUrl('169.254.1.1', office)).toBe(false)
  expect(refusesUrl('127.0.0.1', office)).toBe(true)
  for (const address of ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254']) {
    expect(refusesAddress(address, office)).toBe(true)
  }
})

test('networks can be allowed, and refused whatever else is said', () => {
  const lab = createEgressGuard({
    allowNetworks: ['10.1.0.0/16', '192.168.7.7', 'fd00:1::/32'],
    refuseNetworks: ['10.1.2.0/24', '8.8.8.0/24'],
  })
  expect(refusesUrl('10.1.0.1', lab)).toBe(false)
  expect(refusesUrl('[::ffff:10.1.0.1]', lab)).toBe(false)
  expect(refusesUrl('192.168.7.7', lab)).toBe(false)
  expect(refusesUrl('[fd00:1::1]', lab)).toBe(false)
  for (const host of [
    '10.2.0.1',
    '192.168.7.8',
    '[fd00:2::1]',
    '10.1.2.3',
    '[64:ff9b::10.1.2.3]',
    '8.8.8.8',
  ]) {
    expect(refusesUrl(host, lab)).toBe(true)
  }
})

test('hosts can be allowed: their names, not what happens to be at their addresses', () => {
  const lab = createEgressGuard({ allowHosts: ['MCP.corp.', '*.lab.corp', '10.0.0.5', 'bücher.corp'] })
  for (const hostname of ['mcp.corp', 'Mcp.Corp.', 'a.lab.corp', 'a.b.lab.corp', 'xn--bcher-kva.corp']) {
    expect(refusesAddress('10.0.0.1', lab, hostname)).toBe(false)
  }
  for (const hostname of ['lab.corp', 'evil-mcp.corp', 'x.mcp.corp', 'evillab.corp', 'mcp.corp.evil']) {
    expect(refusesAddress('10.0.0.1', lab, hostname)).toBe(true)
  }
  expect(refusesUrl('10.0.0.5', lab)).toBe(false)
  expect(refusesUrl('10.0.0.6', lab)).toBe(true)
})

test('S7: without any kind only the lists are left, and empty lists leave nothing', () => {
  const only = createEgressGuard({ allow: [], allowHosts: ['api.example'] })
  expect(refusesAddress('8.8.8.8', only, 'api.example')).toBe(false)
  expect(refusesAddress('8.8.8.8', only, 'other.example')).toBe(true)
  expect(refusesUrl('8.8.8.8', only)).toBe(true)
  expect(refusesAddress('8.8.8.8', createEgressGuard({ allow: [] }))).toBe(true)
})

test.each([
  [{ allowNetworks: ['10.0.0.0/33'] }],
  [{ allowNetworks: ['10.0.0/8'] }],
  [{ refuseNetworks: ['fd00::/129'] }],
  [{ refuseNetworks: ['everything'] }],
  [{ allowNetworks: ['10.0.0.0/'] }],
  [{ allowHosts: [''] }],
  [{ allowHosts: ['*'] }],
  [{ allowHosts: ['a.*.corp'] }],
])('an entry that cannot be read is refused: %j', (options) => {
  expect(() => createEgressGuard(options)).toThrow(RangeError)
})

test('a refusal names the host, the address and the kind', () => {
  expect(() => guard.checkAddress('10.0.0.1', 'mcp.example')).toThrow(
    'requests may not go to mcp.example (10.0.0.1): a private address',
  )
  expect(() => guard.checkTarget(new URL('http://2130706433/'))).toThrow(
    'requests may not go to 127.0.0.1: a loopback address',
  )
})
