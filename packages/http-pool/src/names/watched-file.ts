import { readFile, stat } from 'node:fs/promises'

/** A file that lists more than this is not one that a person or a machine keeps for names. */
const MAX_BYTES = 16 * 1_048_576

/** What a file says, read again when it has changed; looked at no more often than `recheckMs`. */
export class WatchedFile<Content> {
  readonly #path: string
  readonly #parse: (text: string) => Content
  readonly #recheckMs: number
  readonly #now: () => number
  #content: Content
  #stamp = ''
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #checking: Promise<void> | undefined

  /** @param options.now milliseconds that only go forward. */
  constructor(
    path: string,
    parse: (text: string) => Content,
    options: { readonly recheckMs: number; readonly now: () => number },
  ) {
    this.#path = path
    this.#parse = parse
    this.#recheckMs = options.recheckMs
    this.#now = options.now
    this.#content = parse('')
  }

  /** The content; of a file that is missing or cannot be read, that of an empty one. */
  async read(): Promise<Content> {
    if (this.#now() - this.#checkedAtMs >= this.#recheckMs) {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined
      })
      await this.#checking
    }
    return this.#content
  }

  async #check(): Promise<void> {
    this.#checkedAtMs = this.#now()
    let text = ''
    let stamp = 'unreadable'
    try {
      const { mtimeMs, size, ino } = await stat(this.#path)
      stamp = `${mtimeMs} ${size} ${ino}`
      if (stamp === this.#stamp) return
      if (size <= MAX_BYTES) text = await readFile(this.#path, 'utf8')
    } catch {
      // The same as an empty file: the next source is asked.
    }
    this.#content = this.#parse(text)
    this.#stamp = stamp
  }
}
