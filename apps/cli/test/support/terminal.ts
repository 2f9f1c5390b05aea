import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'

import { type CommandEnd, type CommandOptions, runProgram } from './command.ts'

/** What a person types once a prompt has appeared. */
export type TerminalAnswer = readonly [prompt: string, typed: string]

const COLUMNS = 100
const LIMIT_MS = 60_000

/**
 * Runs a line of a shell in a pseudo-terminal, as a person sees it: stdout and stderr together, with colours. Where
 * there is no `script` of util-linux it says so loudly and runs the line without a terminal.
 */
export const runInTerminal = async (
  line: string,
  { environment, workingDirectory }: CommandOptions,
  answers: readonly TerminalAnswer[] = [],
): Promise<CommandEnd> => {
  const hasTerminal = await hasScript()
  if (!hasTerminal)
    process.stderr.write(
      '\n!!! there is no "script" of util-linux here: the session is run WITHOUT a terminal\n\n',
    )
  const inside = `stty cols ${COLUMNS} rows 40; ${line}`
  const [program, args] = hasTerminal
    ? ['script', ['-q', '-e', '-c', inside, '/dev/null']]
    : ['sh', ['-c', `${line} 2>&1`]]
  const child = spawn(program, args, {
    cwd: workingDirectory ?? tmpdir(),
    env: { PATH: process.env['PATH'], TERM: 'xterm-256color', ...environment },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  let stdout = ''
  let answered = 0
  let from = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const [prompt, typed] = answers[answered] ?? []
    if (prompt === undefined || typed === undefined) return
    const at = stdout.indexOf(prompt, from)
    if (at === -1) return
    answered += 1
    from = at + prompt.length
    child.stdin.write(`${typed}\r`)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  clearTimeout(timer)
  return { code: code ?? -1, stdout, stderr: '' }
}

/** Whether this machine can give a command a terminal of its own. */
export const hasScript = async (): Promise<boolean> => {
  const { stdout } = await runProgram('script', ['--version'], { environment: {} })
  return stdout.includes('util-linux')
}

/** What stays on the screen: lines that were written over are gone, and so are colours. */
export const screenText = (output: string): string =>
  output
    .replaceAll(/\r+\n/gu, '\n')
    .split('\n')
    .map((line) => line.split('\r').at(-1) ?? '')
    .join('\n')
    // oxlint-disable-next-line no-control-regex -- what terminals are told
    .replaceAll(/\u001b\[[\d;?]*[A-Za-z]/gu, '')
