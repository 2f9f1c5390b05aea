import { isJsonObject, parseJsonObject } from '@mreg/upstream'

/** The most tools of one server that are remembered. */
const MAX_TOOLS = 10_000

/** Tools of which their server says that a call may run twice: they change nothing, or nothing more the second time. */
export class RepeatableTools {
  readonly #names = new Set<string>()

  has(name: string | undefined): boolean {
    return name !== undefined && this.#names.has(name)
  }

  /** Takes over what a response to `tools/list` says. */
  learn(response: Uint8Array): void {
    const result = parseJsonObject(response)?.['result']
    const tools = isJsonObject(result) ? result['tools'] : undefined
    if (!Array.isArray(tools)) return
    for (const tool of tools) {
      if (!isJsonObject(tool) || typeof tool['name'] !== 'string') continue
      // What it says now counts: also that it is not so any more.
      if (!mayRunTwice(tool['annotations'])) this.#names.delete(tool['name'])
      else if (this.#names.size < MAX_TOOLS) this.#names.add(tool['name'])
    }
  }
}

const mayRunTwice = (annotations: unknown): boolean =>
  isJsonObject(annotations) &&
  (annotations['readOnlyHint'] === true || annotations['idempotentHint'] === true)
