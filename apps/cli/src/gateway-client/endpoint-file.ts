import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import * as z from 'zod'

const schema = z.object({ url: z.url({ protocol: /^https?$/u }), pid: z.int().positive() })

/** What a running gateway says of itself in its data directory. */
export type EndpointFile = z.infer<typeof schema>

/** Reads `endpoint.json`; undefined when there is none, or none that makes sense. */
export const readEndpointFile = async (dataDirectory: string): Promise<EndpointFile | undefined> => {
  try {
    return schema.parse(JSON.parse(await readFile(join(dataDirectory, 'endpoint.json'), 'utf8')))
  } catch {
    return undefined
  }
}

/** Reads the administrator's key; undefined when there is none for us to read. */
export const readAdminKey = async (dataDirectory: string): Promise<string | undefined> => {
  try {
    const key = (await readFile(join(dataDirectory, 'admin.key'), 'utf8')).trim()
    return key === '' ? undefined : key
  } catch {
    return undefined
  }
}

/** Whether a process of this id lives, ours or somebody else's. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
