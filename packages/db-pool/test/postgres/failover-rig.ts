import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

import { type OwnPostgres, waitUntil } from '@mreg/testing'
import { Client } from 'pg'

/** One address behind which a primary is replaced by its standby, as a name or a load balancer would do. */
export class FailoverRig implements AsyncDisposable {
  readonly #primary: OwnPostgres
  readonly #standby: OwnPostgres
  readonly #front: Server
  readonly #sockets: Set<Socket>
  readonly #target: { port: number }

  private constructor(
    primary: OwnPostgres,
    standby: OwnPostgres,
    front: Server,
    sockets: Set<Socket>,
    target: { port: number },
  ) {
    this.#primary = primary
    this.#standby = standby
    this.#front = front
    this.#sockets = sockets
    this.#target = target
  }

  /** Gives `primary` a standby that has each commit before it is acknowledged. */
  static async start(primary: OwnPostgres): Promise<FailoverRig> {
    const standby = await primary.startStandby()
    const target = { port: primary.port }
    const sockets = new Set<Socket>()
    const front = createServer((client) => {
      const server = connect({ host: '127.0.0.1', port: target.port })
      for (const [socket, partner] of [
        [client, server],
        [server, client],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          sockets.delete(socket)
          partner.destroy()
        })
        socket.pipe(partner)
      }
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    const rig = new FailoverRig(primary, standby, front, sockets, target)
    await run(primary.url, `alter system set synchronous_standby_names = '*'`)
    await run(primary.url, 'select pg_reload_conf()')
    await waitUntil(
      'synchronous replication',
      async () =>
        (await run(primary.url, `select from pg_stat_replication where sync_state = 'sync'`)).length > 0,
      { timeoutMs: 60_000 },
    )
    return rig
  }

  /** The address that stays. */
  get url(): string {
    const url = new URL(this.#primary.url)
    const address = this.#front.address()
    url.port = String(typeof address === 'object' ? address?.port : '')
    return url.href
  }

  /** The primary dies, and the address leads to the standby, which only reads. */
  async crashPrimary(): Promise<void> {
    await this.#primary.crash()
    this.#target.port = this.#standby.port
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  async promote(): Promise<void> {
    await run(this.#standby.url, 'alter system reset synchronous_standby_names')
    await run(this.#standby.url, 'select pg_promote(true, 60)')
    await run(this.#standby.url, 'select pg_reload_conf()')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#front.close()
    for (const socket of this.#sockets) {
      socket.destroy()
    }
    await this.#standby.remove()
  }
}

const run = async (url: string, statement: string): Promise<readonly unknown[]> => {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<object>(statement)).rows
  } finally {
    await client.end()
  }
}
