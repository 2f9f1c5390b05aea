import type { Command } from 'commander'
import { expect, test } from 'vitest'

import { createCommandLine } from '../src/command-line.ts'

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
