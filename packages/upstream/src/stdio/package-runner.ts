import { basename } from 'node:path'

/** Programs that fetch what they run, and after how many words of their own the arguments begin. */
const RUNNERS: readonly (readonly [pattern: RegExp, words: number])[] = [
  [/^(npx|pnpx|bunx|uvx)$/u, 0],
  [/^(npm (exec|x)|pnpm (dlx|exec)|yarn dlx|bun x|uv run|pipx run)$/u, 1],
  [/^uv tool run$/u, 2],
  [/^(docker|podman|nerdctl) (run|compose)$/u, 1],
]

const CONTAINERS = /^(docker|podman|nerdctl) /u

/** Options of package runners that name the package. */
const PACKAGE_OPTION = /^(?:-p|--package|--from|--spec)(?:=(.+))?$/u

/**
 * What is fetched when a command is run for the first time, under a name that is the same for the same package; undefined
 * for a command that fetches nothing.
 */
export const fetchedPackage = (command: string, args: readonly string[]): string | undefined => {
  const program = basename(command.replaceAll('\\', '/')).replace(/\.(exe|cmd|bat|ps1)$/iu, '')
  for (const [pattern, words] of RUNNERS) {
    const runner = [program, ...args.slice(0, words)].join(' ')
    if (!pattern.test(runner)) continue
    const rest = args.slice(words)
    // The options of container programs are too many to tell the image from their values.
    return `${runner} ${CONTAINERS.test(runner) ? rest.join(' ') : packageAmong(rest)}`
  }
  return undefined
}

const packageAmong = (args: readonly string[]): string => {
  const option = args.findIndex((arg) => PACKAGE_OPTION.test(arg))
  const named = option === -1 ? undefined : (PACKAGE_OPTION.exec(args[option] ?? '')?.[1] ?? args[option + 1])
  const name = named ?? args.find((arg) => !arg.startsWith('-')) ?? ''
  // Another version goes into the same cache.
  return name.replace(/(?<=.)@[^/@]*$/u, '')
}

/** What package runners say when another one was at work in their cache. */
const CACHE_RACE =
  /\b(ENOTEMPTY|EEXIST|EBUSY|ECOMPROMISED|EINTEGRITY)\b|ENOENT\b.*_(npx|cacache)|could not determine executable|Cannot find (module|package)\b.*_npx|: (command )?not found$|failed to (hardlink|rename|persist)|os error (17|39|66)\b/u

/** Whether a start may have failed because of another start at the same time, so that a second try makes sense. */
export const looksLikeCacheRace = (errorLines: readonly string[]): boolean =>
  errorLines.some((line) => CACHE_RACE.test(line))
