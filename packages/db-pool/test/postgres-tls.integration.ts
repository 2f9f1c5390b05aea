import { OwnPostgres } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createPostgresPool, type TlsMode } from '../src/pg.ts'
import { rejection } from './contract/notes-database.ts'
import { reasonOf } from './postgres/postgres-rig.ts'
import { expectNothingUncaught } from './postgres/record-uncaught.ts'
import { serverCertificate } from './postgres/server-certificate.ts'

describe('a PostgreSQL pool and TLS', { timeout: 60_000 }, () => {
  expectNothingUncaught()
  let server: OwnPostgres | undefined
  beforeAll(async () => {
    server = await OwnPostgres.start({ tls: serverCertificate })
  }, 120_000)
  afterAll(() => server?.remove())

  /** Whether the connection is encrypted, as the server sees it. */
  const isEncrypted = async (tls: TlsMode | undefined, host = '127.0.0.1', query = ''): Promise<unknown> => {
    const url = new URL(server?.url ?? '')
    url.hostname = host
    url.search = query
    await using pool = createPostgresPool({ connectionString: url.href, tls, acquireTimeoutMs: 15_000 })
    const row = await pool.fetchRow<{ ssl: boolean }>(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    )
    return row?.ssl
  }

  it.each([
    ['nothing is asked for', undefined],
    ['it is disabled', 'disable'],
    ['it is disabled', false],
  ] as const)('speaks plainly when %s (%s)', async (_, tls) => {
    expect(await isEncrypted(tls)).toBe(false)
  })

  it('encrypts and believes whoever answers when TLS is required', async () => {
    expect(await isEncrypted('require')).toBe(true)
  })

  it.each(['verify-full', true] as const)(
    'F5 TLS self-signed: does not go in, nor tries again without TLS (%s)',
    async (tls) => {
      const error = await rejection(isEncrypted(tls))

      expect(reasonOf(error)).toBe('rejected')
      expect(error).toMatchObject({ message: expect.stringContaining('self-signed') })
    },
  )

  it('goes in when the authority is known and the name is right', async () => {
    expect(await isEncrypted({ ca: serverCertificate.cert })).toBe(true)
  })

  it('F5 TLS wrong name: does not go in', async () => {
    const error = await rejection(isEncrypted({ ca: serverCertificate.cert }, 'localhost'))

    expect(reasonOf(error)).toBe('rejected')
  })

  it('does as the connection string says when that says something', async () => {
    expect(await isEncrypted(undefined, '127.0.0.1', '?sslmode=no-verify')).toBe(true)
    expect(await isEncrypted('verify-full', '127.0.0.1', '?sslmode=disable')).toBe(false)
  })
})
