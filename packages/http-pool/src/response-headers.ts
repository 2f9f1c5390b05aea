/** The header fields of a response, as they came. Names are compared without regard to case. */
export class ResponseHeaders implements Iterable<readonly [name: string, value: string]> {
  /** Name, value, name, value, … in the order and spelling of the wire. */
  readonly raw: readonly string[]

  constructor(raw: readonly string[]) {
    this.raw = raw
  }

  /** The value of `name`; several of one name are joined with `, ` (RFC 9110, 5.3). */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase()
    let value: string | undefined
    for (let index = 0; index < this.raw.length; index += 2) {
      const candidate = this.raw[index]
      if (candidate === undefined || candidate.length !== wanted.length) continue
      if (candidate !== wanted && candidate.toLowerCase() !== wanted) continue
      const next = this.raw[index + 1] ?? ''
      value = value === undefined ? next : `${value}, ${next}`
    }
    return value
  }

  /** Every value of `name`, in order; for `set-cookie`, which must not be joined. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    return [...this].filter(([candidate]) => candidate === wanted).map(([, value]) => value)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Pairs of lower-case name and value. */
  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let index = 0; index < this.raw.length; index += 2) {
      yield [(this.raw[index] ?? '').toLowerCase(), this.raw[index + 1] ?? '']
    }
  }
}
