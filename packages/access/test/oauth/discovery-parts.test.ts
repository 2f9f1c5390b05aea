import { describe, expect, it } from 'vitest'

import { parseChallenge } from '../../src/oauth/challenge.ts'
import { isInternalHost, requireOAuthAddress } from '../../src/oauth/oauth-address.ts'
import { coversUrl, resourceOf } from '../../src/oauth/resource.ts'

describe('a challenge', () => {
  it.each([
    [
      'Bearer resource_metadata="https://a.example/m", scope="read write"',
      'https://a.example/m',
      'read write',
    ],
    ['bearer scope=read, resource_metadata=https://a.example/m', 'https://a.example/m', 'read'],
    ['Basic realm="x", Bearer error="invalid_token", scope="a\\"b"', undefined, 'a"b'],
    ['Bearer', undefined, undefined],
    ['Bearer error="no scope=\\"here\\"', undefined, undefined],
    ['Bearer error="no scope=\\"here\\"", scope=there', undefined, 'there'],
    ['Basic scope="x"', undefined, undefined],
    ['NotBearer scope="x"', undefined, undefined],
    [undefined, undefined, undefined],
  ])('in %j is read', (header, resourceMetadata, scope) => {
    expect(parseChallenge(header)).toEqual({ resourceMetadata, scope })
  })
})

describe('a resource', () => {
  it.each([
    ['https://a.example/mcp', 'https://a.example/mcp', true],
    ['https://a.example/mcp/', 'https://a.example/mcp', true],
    ['https://a.example', 'https://a.example/mcp', true],
    ['https://a.example/mcp', 'https://a.example/mcp/sub?x=1', true],
    ['https://a.example/mcp', 'https://a.example/mcpx', false],
    ['https://a.example/mcp', 'https://a.example/', false],
    ['https://a.example/mcp?tenant=1', 'https://a.example/mcp?tenant=2', false],
    ['https://a.example:8443/', 'https://a.example/', false],
    ['http://a.example/', 'https://a.example/', false],
    ['https://user@a.example/', 'https://a.example/', false],
    ['urn:a', 'urn:a', false],
    ['', 'https://a.example/', false],
  ])('%j for %j: %j', (resource, url, expected) => {
    expect(coversUrl(resource, url)).toBe(expected)
  })

  it('has no fragment and no slash at the end', () => {
    expect(resourceOf('https://A.example/#x')).toBe('https://a.example')
    expect(resourceOf('https://a.example/mcp?x=1')).toBe('https://a.example/mcp?x=1')
  })
})

describe('an address in a login', () => {
  it.each(['https://login.example/a', 'http://127.0.0.1:1/', 'http://localhost/', 'http://[::1]:1/'])(
    '%s is fine for a server on this machine',
    (address) => {
      expect(requireOAuthAddress(address, 'http://127.0.0.1:3000/mcp').href).toBe(address)
    },
  )

  it.each([
    'http://login.example/',
    'https://user:secret@login.example/',
    'ftp://login.example/',
    'nonsense',
    'https://127.0.0.1/',
    'http://localhost:8080/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://172.20.0.1/',
    'https://[::1]/',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://inner.localhost/',
  ])('S28 %s is refused for a server elsewhere', (address) => {
    const attempt = (): unknown => requireOAuthAddress(address, 'https://mcp.example/mcp')
    expect(attempt).toThrow(expect.objectContaining({ code: 'login_address_refused' }))
    expect(attempt).not.toThrow('secret')
  })

  it('of a public host is not internal', () => {
    expect(['login.example', '8.8.8.8', '[2606:4700::1]'].map(isInternalHost)).toEqual([false, false, false])
  })
})
