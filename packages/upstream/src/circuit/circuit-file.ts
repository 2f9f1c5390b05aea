import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'

import type { CircuitSnapshot } from '@mreg/circuit-breaker'

/** How long changes are gathered before they are written, in milliseconds. */
const GATHER_MS = 250

export interface CircuitFileOptions {
  readonly path: string
  /** What is to be kept, when it is asked for. */
  readonly snapshot: () => readonly CircuitSnapshot[]
  /** Is told when nothing could be written. */
  readonly onError: (error: unknown) => void
}

/** What was kept at `path` by a process before this one; nothing when there is no such file, or it cannot be read. */
export const savedCircuits = (path: string): readonly CircuitSnapshot[] => {
  try {
    const saved: unknown = JSON.parse(readFileSync(path, 'utf8'))
    // Each is checked when it is used.
    return Array.isArray(saved) ? saved : []
  } catch {
    return []
  }
}

/** Keeps open circuits in a file, so that a process which begins anew does not try at once what was given up a moment ago. */
export class CircuitFile implements AsyncDisposable {
  readonly #options: CircuitFileOptions
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: CircuitFileOptions) {
    this.#options = options
  }

  /** Something is to be written, soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => this.#write(), GATHER_MS).unref()
  }

  /** Writes what is not written yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== undefined) this.#write()
    await this.#writing
  }

  #write(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { onError, path, snapshot } = this.#options
    const text = JSON.stringify(snapshot())
    this.#writing = this.#writing.then(() => replaceFile(path, text)).catch(onError)
  }
}

/** Another process never sees half of it, and nobody else sees any of it. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const partial = `${path}.${process.pid}.partial`
  try {
    const file = await open(partial, 'w', 0o600)
    try {
      await file.writeFile(text)
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}
