import { fstatSync, writeSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** How much may wait for a reader that is slower than the process writes, in bytes. */
const MAX_WAITING_BYTES = 1_048_576

const STANDARD_ERROR = 2

/**
 * Where the lines of a log go: standard error. It never makes anybody wait and never throws: a reader that stalls, one
 * that has gone, or a disk that is full costs lines. They are counted, and their number is the first line afterwards.
 */
export class LogOutput {
  /** What takes lines in the background: a pipe or a socket. undefined: a file or a terminal, which takes them at once. */
  readonly #stream: Writable | undefined
  #lost = 0
  #untold = 0
  #isTorn = false

  constructor() {
    const kind = fstatSync(STANDARD_ERROR)
    if (!kind.isFIFO() && !kind.isSocket()) return
    this.#stream = process.stderr
    // Without a listener, the end of its reader would be the end of the process.
    process.stderr.on('error', () => {})
  }

  /** How many lines were lost so far. */
  get lost(): number {
    return this.#lost
  }

  /** Writes one line with its end, or counts it as lost. */
  write(line: string): void {
    if (this.#untold > 0 && this.#put(lossLine(this.#untold))) this.#untold = 0
    if (this.#put(line)) return
    this.#lost += 1
    this.#untold += 1
  }

  /**
   * Waits until everything that was written has been taken.
   *
   * @returns whether that was so within `withinMs`, by default a second; otherwise what waits keeps the process from ending by itself.
   */
  async finish(withinMs = 1000): Promise<boolean> {
    const stream = this.#stream
    if (stream === undefined) return true
    const deadline = performance.now() + withinMs
    while (!stream.destroyed && stream.writableLength > 0) {
      if (performance.now() >= deadline) return false
      await sleep(10)
    }
    return true
  }

  #put(line: string): boolean {
    const stream = this.#stream
    if (stream === undefined) return this.#putAtOnce(line)
    if (stream.destroyed || stream.writableLength > MAX_WAITING_BYTES) return false
    stream.write(line)
    return true
  }

  #putAtOnce(line: string): boolean {
    // Half a line may be there from the time before.
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line)
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(STANDARD_ERROR, bytes, written)
      this.#isTorn = false
      return true
    } catch {
      this.#isTorn ||= written > 0
      return false
    }
  }
}

const lossLine = (lines: number): string =>
  `${JSON.stringify({ level: 40, time: Date.now(), lines, msg: 'lines of the log were lost: it could not be written' })}\n`
