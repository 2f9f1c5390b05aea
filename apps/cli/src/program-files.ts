import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The programs that come with the command line, and where their sources are in the repository. */
const SOURCES = { gateway: 'gateway', worker: 'health-worker' } as const

export type ProgramName = keyof typeof SOURCES

/** The file of a program: beside this one in the package, else its source in the repository. */
export const programFile = (name: ProgramName): string => {
  const bundled = fileURLToPath(new URL(`${name}.js`, import.meta.url))
  return existsSync(bundled)
    ? bundled
    : fileURLToPath(new URL(`../../${SOURCES[name]}/src/main.ts`, import.meta.url))
}

/** The file that a person calls as `mreg`. */
export const commandLineFile = (): string => {
  const bundled = fileURLToPath(new URL('mreg.js', import.meta.url))
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('main.ts', import.meta.url))
}

/** Whether this runs from an installed package, not from the repository. */
export const isInstalled = (): boolean => /[/\\]node_modules[/\\]/u.test(fileURLToPath(import.meta.url))
