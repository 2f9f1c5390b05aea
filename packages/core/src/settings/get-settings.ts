import { createSettings } from './create-settings.ts'
import type { Settings } from './settings.ts'

let settings: Settings | undefined

/**
 * The settings of this process, read from its environment at the first call and the same ever after.
 *
 * @throws {SettingsError} when any of them is wrong.
 */
export const getSettings = (): Settings => {
  settings ??= createSettings({ environment: process.env })
  return settings
}
