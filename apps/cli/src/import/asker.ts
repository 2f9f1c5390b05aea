import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'

import { CommandFailure } from '../command-failure.ts'
import { printable } from '../output/printable.ts'

export interface Question {
  readonly question: string
  /** What is typed is not shown. */
  readonly secret: boolean
  /** What an empty answer means. */
  readonly fallback: string | undefined
  /** The answers that there are. */
  readonly choices: readonly string[] | undefined
}

/** Asks the person at the terminal, on stderr, so that stdout holds nothing but results. */
export class Asker implements Disposable {
  readonly #output: NodeJS.WritableStream
  readonly #lines: Interface
  /** Lines that were typed, or pasted, before they were asked for. */
  readonly #early: string[] = []
  #waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined
  #hidden = false
  #ended = false

  private constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#output = output
    const echo = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#hidden) output.write(chunk)
        done()
      },
    })
    this.#lines = createInterface({ input, output: echo, terminal: true, historySize: 0 })
    this.#lines
      .on('line', (line) => {
        const waiting = this.#waiting
        this.#waiting = undefined
        if (waiting === undefined) this.#early.push(line.trim())
        else waiting.resolve(line.trim())
      })
      .on('SIGINT', () => this.#end())
      .on('close', () => this.#end())
  }

  /** undefined when standard input is not a terminal. */
  static forTerminal(
    input: NodeJS.ReadStream = process.stdin,
    output: NodeJS.WriteStream = process.stderr,
  ): Asker | undefined {
    return input.isTTY ? new Asker(input, output) : undefined
  }

  /** @throws {CommandFailure} `cancelled`, at Ctrl+C or the end of the input. */
  async ask({ question, secret, fallback, choices }: Question): Promise<string> {
    const shownFallback = fallback === undefined || secret ? '' : ` [${printable(fallback)}]`
    const shownChoices = choices === undefined ? '' : ` (${choices.map(printable).join(', ')})`
    for (;;) {
      const answer = await this.#line(
        `${printable(question)}${shownChoices}${secret ? ' (not shown)' : shownFallback}: `,
        secret,
      )
      const value = answer === '' ? (fallback ?? '') : answer
      if (value !== '' && (choices === undefined || choices.includes(value))) return value
    }
  }

  [Symbol.dispose](): void {
    this.#lines.close()
  }

  async #line(prompt: string, hidden: boolean): Promise<string> {
    this.#output.write(prompt)
    this.#hidden = hidden
    try {
      const early = this.#early.shift()
      if (early !== undefined) return early
      if (this.#ended) throw cancelled()
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject }
      })
    } finally {
      this.#hidden = false
      this.#waiting = undefined
      if (hidden) this.#output.write('\n')
    }
  }

  #end(): void {
    this.#ended = true
    this.#waiting?.reject(cancelled())
  }
}

const cancelled = (): CommandFailure => new CommandFailure('cancelled', 'cancelled; nothing was changed')
