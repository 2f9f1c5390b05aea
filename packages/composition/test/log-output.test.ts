import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { waitUntil } from '@mreg/testing'
import { afterEach, describe, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('support/talkative-main.ts', import.meta.url))
const SOURCE = ['--conditions=@mreg/source', '--no-warnings', MAIN]

type Child = ChildProcessByStdio<Writable, Readable, Readable>

let child: Child | undefined
afterEach(() => child?.kill('SIGKILL'))

/** Starts the process; `redirection` is what the shell does with its log. Nobody reads the log as long as nobody asks for it. */
const start = (redirection = ''): { readonly child: Child; readonly said: () => string } => {
  child = spawn('sh', ['-c', `exec "$0" "$@" ${redirection}`, process.execPath, ...SOURCE], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], MREG_ENVIRONMENT: 'testing' },
    stdio: 'pipe',
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  return { child, said: () => said }
}

const untilSaid = (said: () => string, text: string): Promise<boolean> =>
  waitUntil(text, () => said().includes(text), { timeoutMs: 30_000 })

const linesOf = async (log: Readable): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  let text = ''
  log.setEncoding('utf8').on('data', (part: string) => (text += part))
  await once(log, 'end')
  return text
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
}

describe('the log of a process', () => {
  test('F44 whose reader has stalled loses lines, keeps nothing of them, and holds up nothing', async () => {
    const { child: running, said } = start()
    await untilSaid(said, 'said everything')
    const waiting = Number(/; (\d+) bytes wait/u.exec(said())?.[1])
    expect(waiting).toBeGreaterThan(0)
    expect(waiting).toBeLessThan(1_100_000)
    running.kill('SIGTERM')
    const [code] = await once(running, 'exit')
    expect(code).toBe(0)
  })

  test('F44 goes on when its reader does, with the number of lines that were lost', async () => {
    const { child: running, said } = start()
    await untilSaid(said, 'said everything')
    const reading = linesOf(running.stderr)
    // What is said while much still waits is lost as well.
    await waitUntil('the log to be written again', () => {
      running.stdin.write('more')
      return said().endsWith(' 0 bytes wait\n')
    })
    running.kill('SIGTERM')
    const lines = await reading
    const ofMessage = (beginning: string): typeof lines =>
      lines.filter(({ msg }) => String(msg).startsWith(beginning))
    const lost = ofMessage('lines of the log were lost').map((line) => Number(line['lines']))
    expect(lost[0]).toBeGreaterThan(1000)
    const written = ofMessage('much').length + ofMessage('afterwards').length
    const saidAgain = said().split('said more').length - 1
    expect(written + lost.reduce((sum, count) => sum + count, 0)).toBe(10_000 + saidAgain)
    expect(lines.at(-1)).toMatchObject({ msg: 'ending' })
  })

  test('F44 whose reader has gone is written no more, and the process lives', async () => {
    const { child: running, said } = start()
    running.stderr.destroy()
    await untilSaid(said, 'said everything')
    running.stdin.write('more')
    await untilSaid(said, 'said more')
    running.kill('SIGTERM')
    expect(await once(running, 'exit')).toEqual([0, null])
  })

  test.runIf(existsSync('/dev/full'))(
    'F44 on a disk that is full is lost, and the process lives and ends well',
    async () => {
      const { child: running, said } = start('2>/dev/full')
      await untilSaid(said, 'said everything')
      running.stdin.write('more')
      await untilSaid(said, 'said more')
      running.kill('SIGTERM')
      expect(await once(running, 'exit')).toEqual([0, null])
    },
  )

  test('S53 has one line for each message, whatever is in it, and no credentials', async () => {
    const { child: running, said } = start()
    const reading = linesOf(running.stderr)
    await untilSaid(said, 'said everything')
    running.kill('SIGTERM')
    const lines = await reading
    expect(lines[0]).toMatchObject({ level: 30, msg: 'one\n{"level":60,"msg":"injected"}' })
    expect(lines.filter(({ level }) => level === 60)).toEqual([])
    expect(JSON.stringify(lines)).not.toContain('canary')
  })
})
