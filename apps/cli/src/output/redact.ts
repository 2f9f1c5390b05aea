const BLOT = '•••'
const SECRET_NAME =
  /(^|[^a-z])(api[-_]?key|key|token|secret|password|passwd|pwd|pat|auth|authorization|bearer|credentials?|signature|sig)([^a-z]|$)/iu
/** What keys of well-known services begin with. */
const SECRET_VALUE =
  /^(sk-|pk-|gh[pousr]_|github_pat_|glpat-|xox[abposr]-|AKIA|AIza|eyJ[\w-]{10,}\.|Bearer\s)/u

/** Whether a name is one by which secrets go, such as `GITHUB_TOKEN` or `--api-key`. */
export const isSecretName = (name: string): boolean =>
  SECRET_NAME.test(name.replaceAll(/([a-z\d])([A-Z])/gu, '$1_$2'))

/** Whether a value looks like a credential of a well-known service. */
const isSecretValue = (value: string): boolean => SECRET_VALUE.test(value)

/** Arguments of a command with what looks like a secret blotted out: `--token x`, `--token=x`, `Authorization: x`. */
export const redactedArguments = (args: readonly string[]): string[] =>
  args.map((argument, index) => {
    const before = args[index - 1]
    if (
      before !== undefined &&
      /^--?[\w-]+$/u.test(before) &&
      isSecretName(before) &&
      !argument.startsWith('-')
    )
      return BLOT
    const [, name, separator] = /^([\w-]+?)(=|:\s*)./u.exec(argument) ?? []
    if (name !== undefined && separator !== undefined && isSecretName(name))
      return `${name}${separator}${BLOT}`
    if (isSecretValue(argument)) return BLOT
    return URL.canParse(argument) ? redactedUrl(argument) : argument
  })

/** A URL whose password and whose parameters that look like secrets are blotted out. */
export const redactedUrl = (text: string): string => {
  if (!URL.canParse(text)) return text
  const { password, searchParams } = new URL(text)
  let shown = text
  if (password !== '') shown = shown.replace(`:${password}@`, `:${BLOT}@`)
  for (const name of searchParams.keys()) {
    if (isSecretName(name))
      shown = shown.replace(new RegExp(`([?&]${escaped(name)}=)[^&#]*`, 'u'), `$1${BLOT}`)
  }
  return shown
}

/** A view of a server, as the gateway gives it, with the same blots. */
export const redactedServer = <View extends { endpoints: readonly Endpoint[] }>(server: View): View => ({
  ...server,
  endpoints: server.endpoints.map((endpoint) => ({
    ...endpoint,
    ...(endpoint.url === undefined ? {} : { url: redactedUrl(endpoint.url) }),
    ...(endpoint.args === undefined ? {} : { args: redactedArguments(endpoint.args) }),
  })),
})

interface Endpoint {
  readonly url?: string | undefined
  readonly args?: string[] | undefined
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`)
