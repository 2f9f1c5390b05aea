import { readFileSync } from 'node:fs'

import type { Command } from 'commander'
import { expect, test } from 'vitest'

import { createCommandLine } from '../src/command-line.ts'
import { EXIT_CODE } from '../src/exit-code.ts'

const program = createCommandLine()
const named = (command: Command, prefix = ''): [string, Command][] =>
  command.commands.flatMap((each) => [
    [`${prefix}${each.name()}`, each] as [string, Command],
    ...named(each, `${prefix}${each.name()} `),
  ])

/** What `--help` prints: the text after the options is written when the help is shown, not part of `helpInformation`. */
const helpOf = (command: Command): string => {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) })
  command.outputHelp()
  return help
}

test.each(named(program))('the help of %s teaches by examples', (_name, command) => {
  const help = helpOf(command)
  expect(help).toContain('Examples:')
  expect(help).toMatch(/\n {2}# .+\n {2}\$ mreg /u)
  expect(help).toContain('--json')
})

test.each(named(program).filter(([, command]) => command.commands.length === 0))(
  '%s says in one line, and at length, what it does',
  (_name, command) => {
    expect(command.summary().length).toBeGreaterThan(5)
    expect(command.description().length).toBeGreaterThan(command.summary().length)
  },
)

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test.each(named(program))('the table of commands in the README has %s', (name) => {
  expect(readme).toMatch(new RegExp(`\\| .*\`${name}[ \`]`, 'u'))
})

test('the README and the help tell every exit code', () => {
  for (const code of Object.values(EXIT_CODE)) {
    expect(readme).toMatch(new RegExp(`^\\| ${code} +\\|`, 'mu'))
    expect(helpOf(program)).toMatch(new RegExp(`Exit codes:.*\\b${code} `, 'u'))
  }
})
