import { styleText } from 'node:util'

import { type Progress, startProgress } from './progress.ts'
import { type Column, table } from './table.ts'

export interface OutputOptions {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Results are JSON for machines instead of text for people. */
  readonly json: boolean
}

type Style = Parameters<typeof styleText>[0]

/** Where a command says what it found: results on stdout, everything else on stderr. */
export class Output {
  readonly json: boolean
  readonly #stdout: NodeJS.WriteStream
  readonly #stderr: NodeJS.WriteStream

  constructor({ stdout, stderr, json }: OutputOptions) {
    this.json = json
    this.#stdout = stdout
    this.#stderr = stderr
  }

  /** The result of the command: `value` as JSON with `--json`, else what `text` gives. */
  result(value: unknown, text: () => string): void {
    const shown = this.json ? JSON.stringify(value, null, 2) : text()
    if (shown !== '') this.#stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
  }

  /** A line for the person, beside the result. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`)
  }

  /** Says on stderr what is being waited for while `work` is under way. */
  async during<Result>(text: string, work: (progress: Progress) => Promise<Result>): Promise<Result> {
    using progress = startProgress(this.#stderr, text)
    return await work(progress)
  }

  /** A table as wide as the terminal, or as wide as it gets in a pipe. */
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
    return table(
      columns,
      rows,
      this.#stdout.isTTY && this.#stdout.columns > 0 ? this.#stdout.columns : undefined,
    )
  }

  /** `text` coloured where stdout is a terminal that shows colours (`NO_COLOR`, `FORCE_COLOR`). */
  style(format: Style, text: string): string {
    return format === 'reset' ? text : styleText(format, text, { stream: this.#stdout })
  }
}
