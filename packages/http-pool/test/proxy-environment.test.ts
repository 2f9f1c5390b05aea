import { expect, test } from 'vitest'

import { HttpPool, proxyFromEnvironment } from '../src/index.ts'

const hrefOf = (value: URL | string | undefined): string | undefined =>
  value === undefined ? undefined : new URL(value).href

/** Which proxy an environment puts before a target. */
const proxyOf = (environment: Record<string, string>, target: string): number | undefined => {
  const pool = new HttpPool({ proxy: proxyFromEnvironment(environment) })
  const { protocol, hostname, port, origin } = new URL(target)
  return pool.options.proxy?.serverFor({
    origin,
    secure: protocol === 'https:',
    hostname: hostname.replaceAll(/^\[|\]$/gu, ''),
    port: port === '' ? undefined : Number(port),
  })?.port
}

const read = (environment: Record<string, string>): unknown[] => {
  const { http, https, noProxy } = proxyFromEnvironment(environment) ?? {}
  return [hrefOf(http), hrefOf(https), noProxy]
}

test('an environment that names no proxy gives none', () => {
  expect(proxyFromEnvironment({})).toBeUndefined()
  expect(proxyFromEnvironment({ HTTP_PROXY: '', no_proxy: '*' })).toBeUndefined()
})

test('small letters win over capital ones, and the special over the general', () => {
  expect(read({ HTTP_PROXY: 'http://a:1', http_proxy: 'http://b:2', HTTPS_PROXY: 'c:3' })).toEqual([
    'http://b:2/',
    'http://c:3/',
    undefined,
  ])
  expect(read({ ALL_PROXY: 'http://a:1', https_proxy: 'https://b:2', NO_PROXY: 'x', no_proxy: 'y' })).toEqual(
    ['http://a:1/', 'https://b:2/', 'y'],
  )
})

test('in a CGI program HTTP_PROXY is a header of the client and is not read', () => {
  expect(proxyFromEnvironment({ REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil:1' })).toBeUndefined()
  expect(proxyFromEnvironment({ REQUEST_METHOD: 'GET', http_proxy: 'http://good:1' })).toBeDefined()
})

test.each(['socks5://me:s3cret@proxy:1080', 'http://me:s3cret@', 'http://me:s3cret@proxy:99999'])(
  'a value that is no HTTP proxy is refused by its variable, without the value: %#',
  (value) => {
    expect(() => proxyFromEnvironment({ https_proxy: value })).toThrow(
      'https_proxy is not the URL of an HTTP proxy, such as http://proxy.example:3128',
    )
    expect(() => new HttpPool({ proxy: { http: value } })).toThrow(/^HttpPool option proxy\.http is not/u)
  },
)

test.each([
  // [NO_PROXY, target, through the proxy]
  ['', 'http://mcp.test/', true],
  ['*', 'http://mcp.test/', false],
  ['mcp.test', 'http://mcp.test/', false],
  ['mcp.test', 'http://MCP.test./', false],
  ['mcp.test', 'https://mcp.test:8443/', false],
  ['mcp.test', 'http://api.mcp.test/', false],
  ['mcp.test', 'http://notmcp.test/', true],
  ['.mcp.test', 'http://mcp.test/', false],
  ['.mcp.test', 'http://api.mcp.test/', false],
  ['*.mcp.test', 'http://api.mcp.test/', false],
  ['one.test, mcp.test', 'http://mcp.test/', false],
  ['one.test mcp.test', 'http://mcp.test/', false],
  ['mcp.test:8080', 'http://mcp.test:8080/', false],
  ['mcp.test:8080', 'http://mcp.test/', true],
  ['mcp.test:443', 'https://mcp.test/', false],
  ['10.0.0.1', 'http://10.0.0.1/', false],
  ['10.0.0.1', 'http://10.0.0.10/', true],
  ['10.0.0.1:80', 'http://10.0.0.1/', false],
  ['10.0.0.1:81', 'http://10.0.0.1/', true],
  ['10.0.0.0/8', 'http://10.200.0.1/', false],
  ['10.0.0.0/8', 'http://0x0ac80001/', false],
  ['10.0.0.0/8', 'http://11.0.0.1/', true],
  ['10.0.0.0/8', 'http://10.test/', true],
  ['fd00::/8', 'http://[fd12::1]/', false],
  ['fd00::1', 'http://[fd00::1]/', false],
  ['[fd00::1]', 'http://[fd00:0::1]/', false],
  ['[fd00::1]:8080', 'http://[fd00::1]:8080/', false],
  ['[fd00::1]:8080', 'http://[fd00::1]/', true],
  ['10.0.0.0/99,::/200,//,mcp.test', 'http://mcp.test/', false],
  ['10.0.0.0/99,::/200,//', 'http://10.0.0.1/', true],
  // Loopback never goes through a proxy.
  ['', 'http://127.0.0.1/', false],
  ['', 'http://2130706433/', false],
  ['', 'https://localhost:8443/', false],
  ['', 'http://mcp.localhost/', false],
  ['', 'http://[::1]/', false],
])('NO_PROXY=%j, %s: through the proxy is %s', (noProxy, target, isProxied) => {
  const environment = { http_proxy: 'http://proxy:3128', https_proxy: 'http://proxy:3128', no_proxy: noProxy }
  expect(proxyOf(environment, target)).toBe(isProxied ? 3128 : undefined)
})
