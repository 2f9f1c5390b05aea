import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

import { type Check, type Finding, ok, problem, skipped } from '../check.ts'
import type { Environment } from '../facts.ts'

const INSTALL: Readonly<Record<string, string>> = {
  npx: 'npx comes with Node.js: https://nodejs.org',
  node: 'Install Node.js: https://nodejs.org',
  uvx: 'uvx comes with uv: https://docs.astral.sh/uv',
  uv: 'Install uv: https://docs.astral.sh/uv',
  docker: 'Install Docker: https://docs.docker.com/get-started/get-docker',
  python: 'Many systems know it as python3 only; else install it: https://www.python.org',
  python3: 'Install Python: https://www.python.org',
  bunx: 'bunx comes with Bun: https://bun.sh',
  deno: 'Install Deno: https://deno.com',
}

/** The command of a server is not installed, or not where the gateway looks, or does not run. */
export const missingCommand: Check = {
  name: 'missing-command',
  title: 'Commands',
  needsServers: true,
  run: async (facts) => {
    const findings: Finding[] = []
    const seen = new Set<string>()
    for (const { slug, endpoints } of await facts.serversIfAny()) {
      for (const { command, cwd, probe } of endpoints) {
        if (command === undefined) continue
        if (cwd !== undefined && !(await isDirectory(cwd))) {
          findings.push(
            problem(
              `${slug}: its directory ${cwd} does not exist`,
              `mkdir -p '${cwd}', or register it again with another --cwd`,
            ),
          )
        }
        if (await isThere(command, cwd, facts.environment)) {
          if (probe.status === 'unhealthy') {
            findings.push(
              problem(
                `${slug} does not work: ${probe.message ?? 'it gave no reason'}`,
                'Run its command in a terminal: it should start, and say nothing on standard output until it is spoken to.',
              ),
            )
          } else if (!seen.has(command)) findings.push(ok(`${command} is installed`))
          seen.add(command)
          continue
        }
        findings.push(
          problem(
            `${slug}: the command ${command} was not found`,
            ...(INSTALL[command] === undefined ? [] : [INSTALL[command]]),
            'If it is installed, register the server with its full path; the gateway looks where its own PATH says.',
          ),
        )
      }
    }
    return findings.length === 0 ? [skipped('no server is started by a command')] : findings
  },
}

const isThere = async (
  command: string,
  cwd: string | undefined,
  { PATH = '', PATHEXT = '' }: Environment,
): Promise<boolean> => {
  const extensions = process.platform === 'win32' ? ['', ...PATHEXT.split(delimiter)] : ['']
  const directories =
    isAbsolute(command) || /[/\\]/u.test(command) ? [cwd ?? '.'] : PATH.split(delimiter).filter(Boolean)
  for (const directory of directories) {
    for (const extension of extensions) {
      const file = isAbsolute(command) ? command : resolve(join(directory, command))
      if (await isExecutable(`${file}${extension}`)) return true
    }
  }
  return false
}

const isExecutable = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

const isDirectory = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
