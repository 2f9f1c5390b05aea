import { type BootVariableName, bootVariables } from './boot-variables.ts'
import { nearestName } from './nearest-name.ts'
import type { SettingFault } from './settings-error.ts'

const names: readonly string[] = bootVariables.map(({ name }) => name)
const isBootVariable = (name: string): name is BootVariableName => names.includes(name)

/** What Kubernetes puts into the environment of a pod for a service called `mreg`. */
const isInjectedByKubernetes = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT(_.*)?)$/u.test(name) ||
  /_PORT_\d+_(TCP|UDP|SCTP)/u.test(name) ||
  /^(tcp|udp):\/\//u.test(value)

export interface EnvironmentReading {
  /** The variables that are set, trimmed; an empty one counts as unset. */
  readonly values: Readonly<Partial<Record<BootVariableName, string>>>
  /** Names that start with `MREG_` and mean nothing, with the nearest that does. */
  readonly unknown: readonly SettingFault[]
  readonly faults: readonly SettingFault[]
}

/**
 * Picks the boot values out of a process environment.
 *
 * @param environment such as `process.env`.
 * @param readFile gives the text of a file, for `NAME_FILE`; throws when it cannot.
 */
export const readEnvironment = (
  environment: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): EnvironmentReading => {
  const values: Partial<Record<BootVariableName, string>> = {}
  const unknown: SettingFault[] = []
  const faults: SettingFault[] = []
  for (const [variable, raw] of Object.entries(environment)) {
    const value = raw?.trim() ?? ''
    if (!variable.startsWith('MREG_') || variable.startsWith('MREG_TEST_') || value === '') continue
    if (isInjectedByKubernetes(variable, value)) continue
    const fromFile = variable.endsWith('_FILE') ? variable.slice(0, -'_FILE'.length) : undefined
    if (isBootVariable(variable)) {
      values[variable] = value
    } else if (fromFile !== undefined && isBootVariable(fromFile)) {
      if ((environment[fromFile]?.trim() ?? '') !== '') {
        faults.push({ setting: variable, message: `is set beside ${fromFile}; set only one of the two` })
        continue
      }
      try {
        values[fromFile] = readFile(value).trim()
      } catch (error) {
        faults.push({ setting: variable, message: `cannot read ${value} (${reasonOf(error)})` })
      }
    } else {
      const nearest = nearestName(variable, names)
      unknown.push({
        setting: variable,
        message: nearest === undefined ? 'is not a setting' : `is not a setting; did you mean ${nearest}?`,
      })
    }
  }
  return { values, unknown, faults }
}

/** The code of a file system error, which says enough; else its message. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
