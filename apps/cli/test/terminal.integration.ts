import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

import { type EverythingServer, startEverythingServer } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { builtProgram } from './support/command.ts'
import { hasScript, runInTerminal, screenText, type TerminalAnswer } from './support/terminal.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let everything: EverythingServer
let workplace: Workplace
let environment: Readonly<Record<string, string>>

beforeAll(async () => {
  ;[everything, workplace] = await Promise.all([startEverythingServer(), openWorkplace()])
  const programs = join(workplace.home, 'bin')
  await mkdir(programs)
  await writeFile(join(programs, 'mreg'), `#!/bin/sh\nexec '${process.execPath}' '${builtProgram}' "$@"\n`)
  await chmod(join(programs, 'mreg'), 0o755)
  environment = {
    HOME: workplace.home,
    MREG_DATA_DIR: workplace.gateway.dataDirectory,
    PATH: [programs, process.env['PATH'] ?? ''].join(delimiter),
  }
})

afterAll(async () => {
  await workplace[Symbol.asyncDispose]()
  await everything[Symbol.asyncDispose]()
})

const type = (line: string, ...answers: TerminalAnswer[]) =>
  runInTerminal(line, { environment, workingDirectory: workplace.home }, answers)

test('the session in the README is what happens', { timeout: 120_000 }, async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, session = ''] = /<!-- session[^>]*-->\n+```console\n([^]*?)```/u.exec(readme) ?? []
  const lines = Array.from(session.matchAll(/^\$ (mreg .*)$/gmu), ([, line = '']) => line)
  expect(lines.length).toBeGreaterThan(5)
  let replayed = ''
  for (const line of lines) {
    const { stdout } = await type(line.replace('http://127.0.0.1:3001/mcp', everything.url))
    replayed += `$ ${line}\n${screenText(stdout)}`
  }
  expect(asInReadme(replayed)).toBe(asInReadme(session))
})

/** With the addresses of the README, and without what differs each time. */
const asInReadme = (text: string): string =>
  text
    .replaceAll(everything.url, 'http://127.0.0.1:3001/mcp')
    .replaceAll(workplace.gateway.url, 'http://127.0.0.1:6734')
    .replaceAll(workplace.home, '/home/me')
    .replaceAll(/\b\d+ ms\b/gu, 'N ms')
    .replaceAll(/\b\d+ s ago\b/gu, 'N s ago')
    .replaceAll(/Node\.js [\d.]+\d/gu, 'Node.js N')
    // The width of a column is that of the addresses in it.
    .replaceAll(/(?<=\S) {2,}/gu, '  ')
    // How many tools there are is known a moment after the server is.
    .replaceAll(/(?:12  1,614|-  -)(?=  N s ago)/gu, 'N  N')
    .replaceAll(
      /NODE_EXTRA_CA_CERTS holds the certificate of .*|no proxy and no certificate authority.*/gu,
      'the network of this machine',
    )

test('a secret that is asked for is not shown, and a wrong choice is asked for again', async ({ skip }) => {
  skip(!(await hasScript()), 'nobody is asked without a terminal')
  const file = join(workplace.home, 'mcp.json')
  await writeFile(
    file,
    JSON.stringify({
      inputs: [
        { id: 'token', type: 'promptString', description: 'Access token', password: true },
        { id: 'region', type: 'pickString', description: 'Region', options: ['eu', 'us'] },
      ],
      servers: {
        asked: {
          url: everything.url,
          headers: { Authorization: 'Bearer ${input:token}', 'X-Region': '${input:region}' },
        },
      },
    }),
  )
  const { code, stdout } = await type(
    `mreg import ${file} --no-wait`,
    ['Access token', 'hush-hush-hush'],
    ['Region', 'mars'],
    ['Region', 'us'],
  )
  expect(code).toBe(0)
  expect(screenText(stdout)).toMatch(
    /Access token \(not shown\): \nRegion \(eu, us\): mars\nRegion \(eu, us\): us\n/u,
  )
  expect(stdout).not.toContain('hush-hush-hush')
  expect(screenText(stdout)).toContain('registered')
  // What was asked for once is not asked for again.
  expect(screenText((await type(`mreg import ${file} --no-wait`)).stdout)).toContain('unchanged')
  await workplace.mreg(['remove', 'asked'])
})

test('Ctrl+C at a question ends the command, and nothing is registered', async ({ skip }) => {
  skip(!(await hasScript()), 'nobody is asked without a terminal')
  const file = join(workplace.home, 'cancelled.json')
  await writeFile(
    file,
    JSON.stringify({ mcpServers: { cancelled: { url: everything.url, headers: { A: '${input:token}' } } } }),
  )
  const { code, stdout } = await type(`mreg import ${file}`, ['token', '\u0003'])
  expect(code).toBe(1)
  expect(screenText(stdout)).toContain('cancelled; nothing was changed')
  expect((await workplace.mreg(['show', 'cancelled'])).code).toBe(4)
})

test('colours and progress are for terminals: a pipe gets neither', async ({ skip }) => {
  skip(!(await hasScript()), 'without a terminal there is neither')
  const line = `mreg add slow ${everything.url} && mreg call slow trigger-long-running-operation --arg duration=2 --arg steps=2`
  const shown = (await type(line)).stdout
  expect(shown).toContain('\u001b[32mhealthy')
  expect(shown).toContain('\r\u001b[K⠋ calling trigger-long-running-operation of slow')
  const piped = await type('mreg list | cat; NO_COLOR=1 mreg list')
  expect(piped.stdout).not.toContain('\u001b[3')
  await workplace.mreg(['remove', 'slow'])
})

test('a reader that goes away early is no error', async () => {
  const { code, stdout } = await type(`mreg --help | head -1`)
  expect({ code, text: screenText(stdout) }).toEqual({ code: 0, text: 'Usage: mreg [options] [command]\n' })
})
