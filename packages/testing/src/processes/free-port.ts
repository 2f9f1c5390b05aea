import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what systems give to connections and to whoever asks for any port, so that nobody takes one of these by chance. */
const FIRST = 20_000
const LAST = 32_000
const MAX_TRIES = 100

/**
 * A TCP port on 127.0.0.1 that nobody listens on right now, and that hardly anybody will take: for what is started again at the
 * same place, and for what must not answer.
 * @throws Error when all that were tried are taken
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) return port
  }
  throw new Error(`of ${MAX_TRIES} ports between ${FIRST} and ${LAST} none is free`)
}

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
