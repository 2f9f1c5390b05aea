const MAX_LINE_CHARACTERS = 1_000

/** Escape sequences of terminals (ECMA-48, section 5) and other control characters, but not the tabulator. */
const CONTROL = new RegExp(
  String.raw`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]`,
  'gu',
)

/**
 * The last lines of a text that may be endless, in bounded memory: at most `maxLines` of at most 1 000 characters, without
 * control characters, with `secrets` blotted out.
 */
export class TextTail {
  readonly #maxLines: number
  readonly #secrets: readonly string[]
  readonly #decoder = new TextDecoder()
  readonly #lines: string[] = []
  #partial = ''

  constructor({ maxLines, secrets }: { readonly maxLines: number; readonly secrets: readonly string[] }) {
    this.#maxLines = maxLines
    // Short values occur by chance; longest first, because one may be part of another.
    this.#secrets = secrets.filter(({ length }) => length >= 6).toSorted((a, b) => b.length - a.length)
  }

  /** The lines, oldest first; an unfinished one comes last. */
  get lines(): readonly string[] {
    const last = this.#clean(this.#partial)
    return last === '' ? [...this.#lines] : [...this.#lines, last].slice(-this.#maxLines)
  }

  push(chunk: Uint8Array): void {
    const pieces = (this.#partial + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#partial = (pieces.pop() ?? '').slice(0, MAX_LINE_CHARACTERS * 2)
    for (const piece of pieces.slice(-this.#maxLines)) {
      const line = this.#clean(piece)
      if (line !== '') this.#lines.push(line)
    }
    if (this.#lines.length > this.#maxLines) this.#lines.splice(0, this.#lines.length - this.#maxLines)
  }

  #clean(text: string): string {
    let line = text
    for (const secret of this.#secrets) line = line.replaceAll(secret, '•••')
    return line.replaceAll(CONTROL, '').trimEnd().slice(0, MAX_LINE_CHARACTERS)
  }
}
