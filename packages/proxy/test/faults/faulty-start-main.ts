import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { toldServer } from './told-server.ts'

// A process that does something wrong before it has answered anything, for as long as there is no file `well`; then it
// answers all that it was asked. The era, the ledger, the misdeed and that file are its arguments.
const [era = '', ledger = '', misdeed = '', well = ''] = process.argv.slice(2)
const isWell = (): boolean => existsSync(well)
const take = toldServer(era === 'modern' ? 'modern' : 'legacy', ledger)
const wire = {
  say: (text: string): void => void process.stdout.write(`${text}\n`),
  die: (): void => void process.stdout.write('', () => process.exit(1)),
  closeOutput: (): void => void process.stdout.end(),
}

const misbehave = (line: string): void => {
  const { id } = JSON.parse(line)
  if (misdeed === 'dies when it is asked') wire.die()
  else if (misdeed === 'closes its output') wire.closeOutput()
  else if (misdeed === 'says garbage') wire.say('Listening on stdin ...\n\u0000{]')
  else if (misdeed === 'says half a message') wire.say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result"`)
  else if (misdeed === 'answers somebody else')
    wire.say(JSON.stringify({ jsonrpc: '2.0', id: 'somebody', result: {} }))
  else if (misdeed === 'refuses')
    wire.say(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_600, message: 'No' } }))
}

if (!isWell() && misdeed === 'dies at once') process.exit(1)
const waiting: string[] = []
createInterface(process.stdin).on('line', (line) => {
  if (isWell() && waiting.length === 0) return take(line, wire)
  // Refused is every question; the rest happens once.
  if (misdeed === 'refuses' && !isWell()) return misbehave(line)
  if (waiting.push(line) === 1) misbehave(line)
  return undefined
})
setInterval(() => {
  if (isWell()) for (const line of waiting.splice(0)) take(line, wire)
}, 5).unref()
