import { createHash, createHmac, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import * as z from 'zod'

import { userDataDirectory } from '../gateway-client/data-directories.ts'
import type { FoundGateway } from '../gateway-client/find-gateway.ts'
import type { EndpointInput } from '../gateway-client/server-input.ts'
import { isJsonObject } from '../json-object.ts'

const entrySchema = z.object({ file: z.string(), name: z.string(), digest: z.string() })
const fileSchema = z.record(z.string(), entrySchema)

/** Where a registered server was imported from. */
export type ImportedFrom = z.infer<typeof entrySchema>

/**
 * What was imported from where. The gateway never shows a secret again, so that a second import could not tell whether
 * one has changed; a keyed digest of what the file says tells.
 */
export class ImportRecord {
  readonly #file: string
  readonly #key: string
  readonly #entries: Map<string, ImportedFrom>

  private constructor(file: string, key: string, entries: Map<string, ImportedFrom>) {
    this.#file = file
    this.#key = key
    this.#entries = entries
  }

  /** Reads the record that is kept for a gateway; one that cannot be read counts as empty. */
  static async open(
    gateway: FoundGateway,
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<ImportRecord> {
    const file =
      gateway.dataDirectory === undefined
        ? join(
            userDataDirectory(environment),
            `imports-${createHash('sha256').update(gateway.url).digest('hex').slice(0, 12)}.json`,
          )
        : join(gateway.dataDirectory, 'imports.json')
    const entries = await readFile(file, 'utf8').then(
      (text) => Object.entries(fileSchema.safeParse(JSON.parse(text)).data ?? {}),
      () => [],
    )
    return new ImportRecord(file, gateway.key ?? '', new Map(entries))
  }

  /** Where the server of that slug was imported from; undefined when it was not. */
  get(slug: string): ImportedFrom | undefined {
    return this.#entries.get(slug)
  }

  set(slug: string, from: ImportedFrom): void {
    this.#entries.set(slug, from)
  }

  /** Stands for an endpoint and gives nothing of its credentials away. */
  digestOf(endpoint: EndpointInput): string {
    return createHmac('sha256', this.#key).update(canonical(endpoint)).digest('base64url')
  }

  /** Writes the record down, whole or not at all. */
  async save(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
    const draft = `${this.#file}.${randomUUID()}`
    await writeFile(draft, `${JSON.stringify(Object.fromEntries(this.#entries), null, 2)}\n`, { mode: 0o600 })
    await rename(draft, this.#file)
  }
}

/** JSON in which the order of members makes no difference. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    isJsonObject(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  )
