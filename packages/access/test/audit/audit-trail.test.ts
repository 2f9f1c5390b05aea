import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type DatabasePool, DatabaseUnavailableError } from '@mreg/db-pool'
import { AuditEventRepository, type RegistryDatabase, TenantRepository } from '@mreg/repositories'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { AuditSpool, AuditTrail, type NewAuditEvent } from '../../src/index.ts'
import { openDatabase } from '../support/open-logins.ts'

const event = (more: Partial<NewAuditEvent> = {}): NewAuditEvent => ({
  tenantId: 'default',
  principalId: 'ann',
  action: 'tools/call',
  objectId: 'notes/echo',
  outcome: 'success',
  requestId: 'request',
  details: {},
  ...more,
})

const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5))

describe('the audit trail', () => {
  const resources = new AsyncDisposableStack()
  let real: DatabasePool<RegistryDatabase>
  let directory: string
  let isAway: boolean
  let asked: number

  /** The database, when it is there. */
  const database = (): DatabasePool<RegistryDatabase> =>
    new Proxy(real, {
      get: (target, name) =>
        name === 'tenantSession'
          ? (...given: Parameters<typeof target.tenantSession>) => {
              asked += 1
              if (isAway) throw new DatabaseUnavailableError('unreachable', 'away for a test')
              return target.tenantSession(...given)
            }
          : Reflect.get(target, name, target),
    })
  const open = (maxBytes = 1_048_576): AuditTrail =>
    new AuditTrail({
      database: database(),
      spool: new AuditSpool({ directory, maxBytes }),
      gatherMs: 60_000,
      retryMs: 1,
    })
  const written = async (tenantId = 'default') =>
    (await real.tenantSession(tenantId, (session) => new AuditEventRepository(session).list({ limit: 1000 })))
      .items

  beforeAll(async () => {
    real = resources.use(await openDatabase())
    await real.systemSession('set up a test', (session) => new TenantRepository(session).ensure('acme'))
  })
  afterAll(() => resources.disposeAsync())
  beforeEach(async () => {
    await real.systemSession('set up a test', ({ kysely }) => kysely.deleteFrom('audit_events').execute())
    directory = mkdtempSync(join(tmpdir(), 'mreg-audit-'))
    resources.defer(() => rmSync(directory, { recursive: true, force: true }))
    isAway = false
    asked = 0
  })

  test('writes many events in few transactions, each to its tenant', async () => {
    await using trail = open()
    for (let index = 0; index < 400; index += 1) trail.record(event({ objectId: `tool ${index}` }))
    for (let index = 0; index < 50; index += 1) trail.record(event({ tenantId: 'acme' }))
    await trail.flush()
    expect(await written()).toHaveLength(400)
    expect(await written('acme')).toHaveLength(50)
    expect(asked).toBe(2)
    expect(trail.figures).toMatchObject({ recorded: 450, written: 450, lost: 0 })
  })

  test('F55 keeps events while the database is away, and writes each of them once when it is back', async () => {
    isAway = true
    {
      await using trail = open()
      for (let index = 0; index < 30; index += 1) trail.record(event())
      await trail.flush()
      expect(trail.figures).toMatchObject({ spooled: 30, lost: 0 })
      await pause()
      isAway = false
      trail.record(event({ action: 'after' }))
      await trail.flush()
      await pause()
      await trail.flush()
    }
    expect(await written()).toHaveLength(31)
    expect(new Set((await written()).map(({ id }) => id)).size).toBe(31)
  })

  test('writes what the process before it could not, also when that was half done', async () => {
    isAway = true
    const before = open()
    for (let index = 0; index < 10; index += 1) before.record(event())
    await before[Symbol.asyncDispose]()
    isAway = false
    const lines = readFileSync(join(directory, 'spool.ndjson'), 'utf8')
    // A machine that went down in the middle: some are there already, one line is cut off.
    writeFileSync(join(directory, 'replay.ndjson'), `${lines}{"id":"cut o`)
    await using trail = open()
    await trail.flush()
    expect(await written()).toHaveLength(10)
  })

  test('F55 counts what finds no room', async () => {
    isAway = true
    await using trail = open(300)
    for (let index = 0; index < 10; index += 1) {
      trail.record(event())
      await trail.flush()
    }
    expect(trail.figures.lost).toBeGreaterThan(5)
    expect(trail.figures.spooled + trail.figures.lost).toBe(10)
  })

  test('writes the others when one is of no tenant', async () => {
    await using trail = open()
    trail.record(event({ tenantId: 'nobody' }))
    trail.record(event())
    await trail.flush()
    expect(await written()).toHaveLength(1)
    expect(trail.figures).toMatchObject({ written: 1, lost: 1 })
  })

  test('lets nobody fill the database with refusals', async () => {
    await using trail = open()
    for (let index = 0; index < 5000; index += 1) trail.recordRefusal(event({ outcome: 'denied' }))
    expect(trail.figures.recorded).toBeLessThan(500)
    expect(trail.figures.recorded + trail.figures.suppressed).toBe(5000)
  })
})
