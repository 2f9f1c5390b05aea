import { cp, mkdir, readdir, rm } from 'node:fs/promises'

import { PGlite, type PGliteOptions } from '@electric-sql/pglite'

import { INT8_OID, parseInt8 } from '../../int8.ts'
import { packDirectory } from '../files/pack-directory.ts'
import { unpackTarball } from '../files/unpack-tarball.ts'
import type { EngineOrder, EngineTask } from './engine-messages.ts'
import { duringStep, startFailure } from './opening-failure.ts'
import { verifyCluster } from './verify-cluster.ts'

/** What a statement gave. */
export interface EngineResult<Row> {
  readonly rows: Row[]
  readonly affectedRows: number | undefined
  /** What the database carried out, such as `COMMIT`. */
  readonly command: string | undefined
}

const SETTINGS = [
  // Its usual 128 MB are for large databases; they are touched bit by bit and never given back.
  'shared_buffers=16MB',
  // What is replayed after a crash, and dumped: usually up to 1 GB.
  'max_wal_size=64MB',
  'min_wal_size=32MB',
]

/** The last lines that PGlite wrote are kept, up to this number. */
const MAX_LOG_LINES = 50

/** PGlite, open, in this thread. */
export class Engine {
  readonly #pglite: PGlite
  readonly #directory: string | undefined
  readonly #unlisten = new Map<string, () => Promise<void>>()
  readonly #onNotice: (channel: string, payload: string) => void

  private constructor(
    pglite: PGlite,
    directory: string | undefined,
    onNotice: (channel: string, payload: string) => void,
  ) {
    this.#pglite = pglite
    this.#directory = directory
    this.#onNotice = onNotice
  }

  /**
   * Does what the order says, and opens the database.
   *
   * @throws {Error} `stepOf` says what it was about.
   */
  static async open(
    order: EngineOrder,
    onNotice: (channel: string, payload: string) => void,
  ): Promise<Engine> {
    const { directory, fill, keepAs, verify } = order
    if (directory === undefined) {
      const initial =
        fill === undefined || typeof fill === 'string' ? undefined : new Blob([Uint8Array.from(fill)])
      return new Engine(await start(undefined, initial), undefined, onNotice)
    }
    if (keepAs !== undefined) {
      await duringStep('keep', () => packDirectory(directory, keepAs))
    }
    if (fill !== undefined) {
      await duringStep('fill', () => unpackTarball(fill, directory))
    }
    const pglite = await duringStep('open', () => startIn(directory))
    if (verify) {
      await duringStep('verify', () => verifyCluster(pglite, directory))
    }
    return new Engine(pglite, directory, onNotice)
  }

  /** Does one task; what it gives can be cloned. */
  // oxlint-disable-next-line typescript/consistent-return -- some tasks give nothing
  run(task: EngineTask): Promise<unknown> {
    switch (task.kind) {
      case 'query': {
        return this.#query(task.sql, task.parameters)
      }
      case 'listen': {
        return this.#listen(task.channel)
      }
      case 'unlisten': {
        return this.#endListening(task.channel)
      }
      case 'dump': {
        return this.#dump()
      }
      case 'copy': {
        return this.#copy(task.to)
      }
      case 'pack': {
        return pack(task.from, task.file)
      }
      case 'close': {
        return this.#pglite.close()
      }
    }
  }

  async #query(sql: string, parameters: readonly unknown[]): Promise<EngineResult<unknown>> {
    const { rows, affectedRows, command } = await this.#pglite.query(sql, [...parameters])
    return { rows, affectedRows, command }
  }

  async #listen(channel: string): Promise<void> {
    const unlisten = await this.#pglite.listen(`"${channel}"`, (payload) => this.#onNotice(channel, payload))
    this.#unlisten.set(channel, unlisten)
  }

  async #endListening(channel: string): Promise<void> {
    await this.#unlisten.get(channel)?.()
    this.#unlisten.delete(channel)
  }

  async #dump(): Promise<Uint8Array> {
    await this.#pglite.exec('checkpoint')
    return new Uint8Array(await (await this.#pglite.dumpDataDir('gzip')).arrayBuffer())
  }

  /** After a checkpoint, the files alone are the whole database. */
  async #copy(to: string): Promise<void> {
    if (this.#directory === undefined) {
      throw new TypeError('a database in memory has no directory to copy')
    }
    await this.#pglite.exec('checkpoint')
    await mkdir(to, { recursive: true, mode: 0o700 })
    await cp(this.#directory, to, { recursive: true })
  }
}

const pack = async (from: string, file: string): Promise<void> => {
  try {
    await packDirectory(from, file)
  } finally {
    await rm(from, { recursive: true, force: true })
  }
}

/** PGlite would make a new database on top of the remains of one. */
const startIn = async (directory: string): Promise<PGlite> => {
  const names = await readdir(directory)
  if (names.length > 0 && !names.includes('PG_VERSION')) {
    throw new Error('the file PG_VERSION is missing')
  }
  return await start(directory, undefined)
}

const start = async (directory: string | undefined, initial: Blob | undefined): Promise<PGlite> => {
  const log: string[] = []
  const options: PGliteOptions = {
    ...(directory === undefined ? {} : { dataDir: `file://${directory}` }),
    ...(initial === undefined ? {} : { loadDataDir: initial }),
    // A statement is answered when its log record has been handed to the operating system. PGlite never
    // asks for an fsync, so this survives the end of the process, and not the end of the machine.
    relaxedDurability: false,
    startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
    parsers: { [INT8_OID]: parseInt8 },
    onStderr: (line) => {
      log.push(line)
      log.splice(0, log.length - MAX_LOG_LINES)
      return false
    },
  }
  try {
    return await PGlite.create(options)
  } catch (error) {
    throw startFailure(error, log)
  }
}
