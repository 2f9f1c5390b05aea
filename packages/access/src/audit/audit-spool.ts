import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'

import type { AuditEvent } from '@mreg/repositories'

/** Something that somebody did, in which tenant. */
export interface TenantAuditEvent extends AuditEvent {
  readonly tenantId: string
}

export interface AuditSpoolOptions {
  /** Of this process alone. Made when it is needed. */
  readonly directory: string
  /** What it holds at most; what comes after that is lost. */
  readonly maxBytes: number
}

/** Events in files while the database is away, one JSON object a line. Who gets them again gets them with the same ids. */
export class AuditSpool {
  readonly #options: AuditSpoolOptions
  readonly #growing: string
  /** What is being read. What comes meanwhile goes into the other file. */
  readonly #reading: string
  /** How far it has been read. */
  #offset = 0

  constructor(options: AuditSpoolOptions) {
    this.#options = options
    this.#growing = join(options.directory, 'spool.ndjson')
    this.#reading = join(options.directory, 'replay.ndjson')
  }

  /** @returns false: there was no room, and nothing was kept. Throws what the file system throws. */
  async append(events: readonly TenantAuditEvent[]): Promise<boolean> {
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    const held = (await sizeOf(this.#growing)) + (await sizeOf(this.#reading))
    if (held + Buffer.byteLength(lines) > this.#options.maxBytes) return false
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 })
    await appendFile(this.#growing, lines, { mode: 0o600 })
    return true
  }

  /**
   * Gives what is kept to `write`, batch by batch, and forgets it when all of it is written.
   *
   * @param write gives false when it could not, or is to do something else first: the rest stays.
   * @returns whether nothing is left.
   */
  async drain(
    batchLength: number,
    write: (events: readonly TenantAuditEvent[]) => Promise<boolean>,
  ): Promise<boolean> {
    for (const file of [this.#reading, this.#growing]) {
      if ((await sizeOf(file)) === 0) continue
      if (file === this.#growing) await rename(this.#growing, this.#reading)
      if (!(await this.#read(batchLength, write))) return false
      await rm(this.#reading, { force: true })
      this.#offset = 0
    }
    return true
  }

  /** Goes on where it stopped the last time. A line that was not written to its end, as when the machine went down, is left out. */
  async #read(
    batchLength: number,
    write: (events: readonly TenantAuditEvent[]) => Promise<boolean>,
  ): Promise<boolean> {
    const input = createReadStream(this.#reading, { start: this.#offset })
    let batch: TenantAuditEvent[] = []
    let bytes = 0
    for await (const line of createInterface({ input })) {
      bytes += Buffer.byteLength(line) + 1
      batch.push(...eventIn(line))
      if (batch.length < batchLength) continue
      if (!(await write(batch))) return false
      this.#offset += bytes
      batch = []
      bytes = 0
    }
    return batch.length === 0 || write(batch)
  }
}

const sizeOf = async (file: string): Promise<number> => {
  try {
    return (await stat(file)).size
  } catch {
    return 0
  }
}

const eventIn = (line: string): readonly TenantAuditEvent[] => {
  try {
    const event: TenantAuditEvent = JSON.parse(line)
    return [event]
  } catch {
    return []
  }
}
