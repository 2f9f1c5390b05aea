import { parentPort, workerData } from 'node:worker_threads'

import {
  type EngineOrder,
  type EngineReply,
  type EngineRequest,
  OPENING_ID,
  toPlain,
} from './engine-messages.ts'
import { Engine } from './pglite-engine.ts'

// The thread of one embedded database: what PGlite computes does not hold up the event loop of the program.
const port = parentPort
if (port === null) {
  throw new TypeError('this file is the start of a thread; use createPglitePool')
}

const say = (reply: EngineReply<unknown>): void => port.postMessage(reply)

const answer = async (id: number, work: () => Promise<unknown>): Promise<void> => {
  try {
    say({ kind: 'done', id, value: await work() })
  } catch (error) {
    say({ kind: 'failed', id, error: toPlain(error) })
  }
}

const order: EngineOrder = workerData
const opening = Engine.open(order, (channel, payload) => say({ kind: 'notice', channel, payload }))
void answer(OPENING_ID, async () => void (await opening))
port.on('message', ({ id, task }: EngineRequest) => {
  void answer(id, async () => (await opening).run(task))
})
