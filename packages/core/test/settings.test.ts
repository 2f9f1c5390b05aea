import { randomBytes } from 'node:crypto'

import { createSettings, getSettings, SettingsError, settingsTable } from '@mreg/core'
import { describe, expect, test } from 'vitest'

const STRONG = 'k3N9vQ2xT7mB5rW8cY1zL4pD6hF0jS2a'

const faultsOf = (environment: Record<string, string>, files: Record<string, string> = {}): string[] => {
  try {
    createSettings({ environment, readFile: fileReader(files) })
  } catch (error) {
    if (SettingsError.is(error)) return error.faults.map(({ setting }) => setting)
    throw error
  }
  return []
}

const fileReader =
  (files: Record<string, string>) =>
  (path: string): string => {
    const content = files[path]
    if (content === undefined) throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' })
    return content
  }

const faultsOfOidc = (oidc: object): string[] =>
  faultsOf({ MREG_CONFIG: '/c' }, { '/c': JSON.stringify({ oidc }) })

describe('with an empty environment', () => {
  const settings = createSettings({ environment: {}, defaultDataDirectory: '/data' })

  test('development listens on loopback, open, on an embedded database', () => {
    expect(settings.environment).toBe('development')
    expect(settings.listen).toEqual({ hosts: ['127.0.0.1', '::1'], port: 6734, publicUrl: undefined })
    expect(settings.access.mode).toBe('none')
    expect(settings.store.kind).toBe('embedded')
    expect(settings.dataDirectory).toBe('/data')
  })

  test('the settings cannot be changed', () => {
    expect(Object.isFrozen(settings)).toBe(true)
  })
})

test('the settings of the process are read once', () => {
  expect(getSettings()).toBe(getSettings())
})

describe('presets', () => {
  const production = {
    MREG_ENVIRONMENT: 'production',
    MREG_ADMIN_KEY: STRONG,
    MREG_SECRET_KEY: `${STRONG}b`,
  }

  test('production demands TLS to PostgreSQL, a larger pool, authentication, and short tokens', () => {
    const settings = createSettings({ environment: production })
    expect(settings.database).toMatchObject({
      minConnections: 10,
      maxConnections: 50,
      tls: 'require',
      logStatements: false,
    })
    expect(settings.security).toMatchObject({
      corsOnLoopback: false,
      securityHeaders: true,
      tokenLifetimeMs: 3_600_000,
    })
    expect(settings.egress).toMatchObject({ allow: ['public'], proxyJudgesNames: false })
    expect(settings.access.mode).toBe('required')
  })

  test('testing has a small pool, development logs its statements', () => {
    expect(createSettings({ environment: { MREG_ENVIRONMENT: 'testing' } }).database).toMatchObject({
      minConnections: 1,
      maxConnections: 5,
    })
    expect(createSettings({ environment: {} }).database).toMatchObject({
      minConnections: 2,
      maxConnections: 10,
      logStatements: true,
    })
  })

  test('S9 production refuses to start open, and without strong keys', () => {
    expect(faultsOf({ MREG_ENVIRONMENT: 'production' })).toEqual(['MREG_ADMIN_KEY', 'MREG_SECRET_KEY'])
    expect(faultsOf({ ...production, MREG_AUTH_MODE: 'none' })).toEqual(['MREG_AUTH_MODE'])
    expect(faultsOf({ ...production, MREG_ADMIN_KEY: 'short' })).toEqual(['MREG_ADMIN_KEY'])
    expect(faultsOf({ ...production, MREG_SECRET_KEY: 'a'.repeat(64) })).toEqual(['MREG_SECRET_KEY'])
  })

  test.each([
    'tooShort_k3N9vQ2xT7mB5rW8cY1zL4',
    'a'.repeat(64),
    'abcdabcdabcdabcdabcdabcdabcdabcd',
    '01234567890123456789012345678901',
    '0123456789abcdefghijqwertyuiop99',
    '00000000000011111111111100000011',
    'changeme-changeme-changeme-changeme!',
    'replace-me-with-thirty-two-characters',
    'MySuperSecretKeyForTheGateway2026!',
    'correct horse battery password staple',
  ])('S9 a weak or default key (%s) is refused in every environment, and not repeated', (key) => {
    for (const environment of ['development', 'testing', 'production'])
      for (const name of ['MREG_ADMIN_KEY', 'MREG_SECRET_KEY']) {
        const given = { ...production, MREG_ENVIRONMENT: environment, [name]: key }
        expect(faultsOf(given)).toEqual([name])
        expect(() => createSettings({ environment: given })).toThrow(
          expect.not.objectContaining({ message: expect.stringContaining(key) }),
        )
      }
  })

  test('a key as it is generated, or made by openssl, is strong enough', () => {
    for (let round = 0; round < 200; round += 1) {
      const key = randomBytes(16).toString('hex')
      expect(faultsOf({ ...production, MREG_SECRET_KEY: key })).toEqual([])
      expect(faultsOf({ MREG_ADMIN_KEY: `mreg_admin_${randomBytes(32).toString('base64url')}` })).toEqual([])
    }
  })
})

describe('precedence', () => {
  const files = {
    '/mreg.json': JSON.stringify({ limits: { maxRequestBytes: 2048 }, breaker: { openMs: 7 } }),
  }

  test('the file goes over the preset, field by field', () => {
    const settings = createSettings({
      environment: { MREG_CONFIG: '/mreg.json' },
      readFile: fileReader(files),
    })
    expect(settings.limits.maxRequestBytes).toBe(2048)
    expect(settings.limits.maxJsonDepth).toBe(64)
    expect(settings.breaker).toEqual({ failureThreshold: 5, openMs: 7, maxOpenMs: 60_000 })
  })

  test('a value can come from a mounted file', () => {
    const settings = createSettings({
      environment: { MREG_ADMIN_KEY_FILE: '/run/key' },
      readFile: fileReader({ '/run/key': `${STRONG}\n` }),
    })
    expect(settings.access.adminKey).toBe(STRONG)
  })

  test('a value and its file at once are a fault, and so is a file that cannot be read', () => {
    expect(faultsOf({ MREG_PORT: '1', MREG_PORT_FILE: '/x' }, { '/x': '2' })).toEqual(['MREG_PORT_FILE'])
    expect(faultsOf({ MREG_PORT_FILE: '/missing' })).toEqual(['MREG_PORT_FILE'])
  })
})

describe('faults', () => {
  test('one error lists every faulty setting, of the environment and of the file', () => {
    const environment = {
      MREG_PORT: '70000',
      MREG_LOG_LEVEL: 'loud',
      MREG_DATABASE_URL: 'mysql://x',
      MREG_CONFIG: '/c',
    }
    const files = { '/c': '{"limits":{"maxRequestBytes":1},"typo":{}}' }
    expect(faultsOf(environment, files).toSorted()).toEqual(
      ['/c', 'MREG_DATABASE_URL', 'MREG_LOG_LEVEL', 'MREG_PORT', 'limits.maxRequestBytes'].toSorted(),
    )
  })

  test('a settings file that is missing or is not JSON is named', () => {
    expect(faultsOf({ MREG_CONFIG: '/missing' })).toEqual(['MREG_CONFIG'])
    expect(faultsOf({ MREG_CONFIG: '/c' }, { '/c': '{' })).toEqual(['MREG_CONFIG'])
  })

  test('an unknown variable names the nearest one, and is only a warning in production', () => {
    expect(() => createSettings({ environment: { MREG_PROT: '1' } })).toThrow('MREG_PORT')
    const settings = createSettings({
      environment: {
        MREG_ENVIRONMENT: 'production',
        MREG_ADMIN_KEY: STRONG,
        MREG_SECRET_KEY: STRONG,
        MREG_PROT: '1',
      },
    })
    expect(settings.warnings).toEqual(['MREG_PROT is not a setting; did you mean MREG_PORT?'])
  })

  test('what Kubernetes injects for a service called mreg is not ours', () => {
    const injected = {
      MREG_SERVICE_HOST: '10.0.0.1',
      MREG_SERVICE_PORT: '80',
      MREG_SERVICE_PORT_HTTP: '80',
      MREG_PORT: 'tcp://10.0.0.1:80',
      MREG_PORT_80_TCP: 'tcp://10.0.0.1:80',
      MREG_PORT_80_TCP_PORT: '80',
      MREG_TEST_DATABASE_URL: 'x',
    }
    expect(createSettings({ environment: injected }).listen.port).toBe(6734)
  })

  test('anything but loopback needs authentication and a public URL', () => {
    expect(faultsOf({ MREG_HOST: '0.0.0.0' })).toEqual(['MREG_AUTH_MODE', 'MREG_PUBLIC_URL'])
    expect(
      faultsOf({
        MREG_HOST: '127.0.0.1,10.1.2.3',
        MREG_AUTH_MODE: 'required',
        MREG_PUBLIC_URL: 'https://x.test/mreg',
      }),
    ).toEqual([])
  })

  test('S9 open is only for this machine: not with a public URL, and not with a name that others call', () => {
    expect(faultsOf({ MREG_PUBLIC_URL: 'https://mcp.example.com' })).toEqual(['MREG_AUTH_MODE'])
    expect(faultsOf({ MREG_PUBLIC_URL: 'http://localhost:8080/mreg' })).toEqual([])
    const files = { '/c': '{"security":{"allowedHosts":["mcp.example.com"]}}' }
    expect(faultsOf({ MREG_CONFIG: '/c' }, files)).toEqual(['MREG_AUTH_MODE'])
    expect(faultsOf({ MREG_CONFIG: '/c', MREG_AUTH_MODE: 'required' }, files)).toEqual([])
  })

  test('a public URL has no query and no credentials, and in production http is warned of', () => {
    for (const url of ['https://x.test/?a=1', 'https://x.test/#a', 'https://a:b@x.test/'])
      expect(faultsOf({ MREG_AUTH_MODE: 'required', MREG_PUBLIC_URL: url })).toEqual(['MREG_PUBLIC_URL'])
    const environment = {
      MREG_ENVIRONMENT: 'production',
      MREG_ADMIN_KEY: STRONG,
      MREG_SECRET_KEY: `${STRONG}b`,
      MREG_PUBLIC_URL: 'http://mcp.example.com',
    }
    expect(createSettings({ environment }).warnings).toEqual([
      'MREG_PUBLIC_URL is not https: keys and tokens can be read on their way',
    ])
  })

  test('an identity provider is reached by https, signs with keys of its own, and lets somebody in', () => {
    const issuer = 'https://login.example.com'
    expect(faultsOfOidc({ issuer, defaultRole: 'user' })).toEqual([])
    expect(faultsOfOidc({ issuer, roles: { admin: ['ops'] } })).toEqual([])
    expect(faultsOfOidc({ issuer: 'http://127.0.0.1:9', defaultRole: 'user' })).toEqual([])
    expect(faultsOfOidc({ issuer })).toEqual(['oidc.roles'])
    expect(faultsOfOidc({ issuer: 'http://login.example.com', defaultRole: 'user' })).toEqual(['oidc.issuer'])
    expect(faultsOfOidc({ issuer, defaultRole: 'admin' })).toEqual(['oidc.defaultRole'])
    for (const algorithm of ['none', 'HS256', 'dir'])
      expect(faultsOfOidc({ issuer, defaultRole: 'user', algorithms: [algorithm] })).toEqual([
        'oidc.algorithms.0',
      ])
    expect(faultsOfOidc({ issuer, defaultRole: 'user', clockToleranceMs: 600_000 })).toEqual([
      'oidc.clockToleranceMs',
    ])
    expect(faultsOfOidc({ issuer, defaultRole: 'user', tenants: { a: 'b' } })).toEqual(['oidc.tenantClaim'])
  })

  test('a separate worker and more processes need shared stores', () => {
    expect(faultsOf({ MREG_HEALTH_MODE: 'worker' })).toEqual(['MREG_HEALTH_MODE'])
    expect(faultsOf({ MREG_WORKERS: '2', MREG_DATABASE_URL: 'postgres://h/d' })).toEqual(['MREG_WORKERS'])
  })

  test('no secret is in the message', () => {
    const environment = { MREG_DATABASE_URL: 'mysql://user:canary@h/d', MREG_ADMIN_KEY: 'canary' }
    expect(() => createSettings({ environment })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('canary') }),
    )
  })
})

test('the table names every variable and every field of the file', () => {
  const table = settingsTable()
  for (const name of [
    'MREG_PORT',
    'MREG_SECRET_KEY',
    'limits.maxRequestBytes',
    'timeouts.drainMs',
    'database.tls',
  ])
    expect(table).toContain(`\`${name}\``)
})
