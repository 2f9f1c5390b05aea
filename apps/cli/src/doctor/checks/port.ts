import { once } from 'node:events'
import { connect } from 'node:net'

import { CommandFailure } from '../../command-failure.ts'
import { type Check, ok, problem } from '../check.ts'

const DEFAULT_PORT = 6734
const CONNECT_MS = 1000

/** The port of the gateway is taken by something else. */
export const port: Check = {
  name: 'port',
  title: 'Port',
  run: async (facts) => {
    const gateway = await facts.gateway()
    if (!CommandFailure.is(gateway)) return [ok(`the gateway listens at ${gateway.url}`)]
    const number = Number(facts.environment['MREG_PORT'] ?? DEFAULT_PORT)
    if (number === 0 || !(await isTaken(number))) return [ok(`port ${number} is free for a gateway`)]
    const version = await versionOfGateway(number)
    return [
      version === undefined
        ? problem(
            `port ${number} is taken by another program, so that a gateway cannot start there`,
            `See which: ${process.platform === 'win32' ? `netstat -ano | findstr :${number}` : `lsof -i :${number}`}`,
            'Or take another port: mreg serve --port 0',
          )
        : problem(
            `a gateway listens on port ${number}, and its data directory is not one that was looked in`,
            'Name its data directory: MREG_DATA_DIR=… (it was shown when the gateway started)',
            `Or its address and key: MREG_URL=http://127.0.0.1:${number} MREG_KEY=…`,
          ),
    ]
  },
}

const isTaken = async (number: number): Promise<boolean> => {
  const socket = connect({ port: number, host: '127.0.0.1' })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

const versionOfGateway = async (number: number): Promise<string | undefined> => {
  try {
    const response = await fetch(`http://127.0.0.1:${number}/health`, {
      signal: AbortSignal.timeout(CONNECT_MS),
    })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'version' in body ? String(body.version) : undefined
  } catch {
    return undefined
  }
}
