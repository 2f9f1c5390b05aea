import { createHash } from 'node:crypto'

import type { SystemSession, TenantSession } from '@mreg/db-pool'
import {
  CapabilityRepository,
  ChangeRepository,
  HealthCheckRepository,
  type RegistryDatabase,
  ServerRepository,
  SnapshotRepository,
  StatisticsRepository,
} from '@mreg/repositories'

import { TENANT } from './fill.ts'

/** Something that is asked of the registry. */
export interface Query<Session> {
  readonly name: string
  /** @param count how many servers there are. @param turn counts up, so that each call asks for something else. */
  readonly ask: (session: Session, count: number, turn: number) => Promise<unknown>
}

type Tenant = TenantSession<RegistryDatabase>
type System = SystemSession<RegistryDatabase>

/** The number of some server of the tenant that is asked. */
const someServer = (count: number, turn: number): number => Math.floor(((turn * 7919) % count) / 10) * 10 + 1

const idOf = (text: string): string =>
  createHash('md5')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/u, '$1-$2-$3-$4-')

const list = (session: Tenant, filter: object) => new ServerRepository(session).list({ limit: 50, ...filter })

/** A cursor into the middle of the list. */
const middle = (count: number): string =>
  Buffer.from(JSON.stringify([`s-${Math.floor(count / 2)}`])).toString('base64url')

/** What a tenant asks for. */
export const tenantQueries: readonly Query<Tenant>[] = [
  {
    name: 'a server by id',
    ask: (session, count, turn) =>
      new ServerRepository(session).getById(idOf(`server ${someServer(count, turn)}`)),
  },
  {
    name: 'a server by slug',
    ask: (session, count, turn) => new ServerRepository(session).getBySlug(`s-${someServer(count, turn)}`),
  },
  { name: 'the first 50', ask: (session) => list(session, {}) },
  { name: '50 from the middle', ask: (session, count) => list(session, { cursor: middle(count) }) },
  { name: '50 of a frequent status', ask: (session) => list(session, { status: 'healthy' }) },
  { name: 'the 10 of a rare status', ask: (session) => list(session, { status: 'unhealthy' }) },
  { name: '50 of a transport', ask: (session) => list(session, { transport: 'streamable-http' }) },
  { name: '50 of a frequent tag', ask: (session) => list(session, { tag: 'tag-1' }) },
  { name: 'the 10 of a rare tag', ask: (session) => list(session, { tag: 'rare' }) },
  { name: 'search, a frequent word', ask: (session) => list(session, { q: 'word1' }) },
  { name: 'search, a rare word', ask: (session) => list(session, { q: 'needle' }) },
  { name: 'search, a word that is not there', ask: (session) => list(session, { q: 'nowhere' }) },
  { name: '50 that offer a frequent tool', ask: (session) => list(session, { capability: 'search' }) },
  { name: 'the 10 that offer a rare tool', ask: (session) => list(session, { capability: 'rare' }) },
  { name: 'statistics of the tenant', ask: (session) => new ServerRepository(session).statistics() },
  {
    name: 'what a server offers',
    ask: (session, count, turn) =>
      new CapabilityRepository(session).listForServer(idOf(`server ${someServer(count, turn)}`), {
        limit: 50,
      }),
  },
  {
    name: 'the history of a server',
    ask: (session) => new HealthCheckRepository(session).listForServer(idOf('server 1'), { limit: 20 }),
  },
]

/** What gateways ask for. */
export const systemQueries: readonly Query<System>[] = [
  { name: 'statistics of all tenants', ask: (session) => new StatisticsRepository(session).servers() },
  {
    name: 'the last 10 changes',
    ask: (session, count) => new ChangeRepository(session).since(TENANT, count - 10, 100),
  },
  {
    name: '10 servers for a route table',
    ask: (session, count, turn) =>
      new SnapshotRepository(session).serversByIds(
        Array.from({ length: 10 }, (_, index) => idOf(`server ${someServer(count, turn + index)}`)),
      ),
  },
]

/** What changes something; each is undone by the next, or by the end of the session. */
export const tenantWrites: readonly Query<Tenant>[] = [
  {
    name: 'register and remove a server',
    ask: async (session, _count, turn) => {
      const servers = new ServerRepository(session)
      const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }] as const
      const { id } = await servers.create({ slug: `new-${turn}`, title: 'A new one', endpoints })
      await servers.delete(id)
    },
  },
  {
    name: 'a new status',
    ask: (session, count, turn) =>
      new ServerRepository(session).setStatus(
        idOf(`server ${someServer(count, turn)}`),
        turn % 2 === 0 ? 'degraded' : 'healthy',
      ),
  },
]
