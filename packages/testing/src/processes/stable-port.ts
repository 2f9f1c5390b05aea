import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that systems give to outgoing connections, and above the well-known ones. */
const FIRST = 18_000
const LAST = 32_000

/**
 * A TCP port on 127.0.0.1 for a server that is stopped and started again: nobody listens on it now, and no outgoing
 * connection gets it meanwhile.
 * @throws Error when a hundred tries found none
 */
export async function stablePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(FIRST, LAST)
    const server = createServer()
    server.listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
      server.close()
      await once(server, 'close')
      return port
    } catch {
      // Taken: try another.
    }
  }
  throw new Error(`no port between ${FIRST} and ${LAST} is free`)
}
