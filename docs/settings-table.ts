import { settingsTable } from '@mreg/core'

const SECTION = /(<!-- settings: .* -->\n)[\s\S]*(<!-- \/settings -->)/u

/** `readme` with the table of the settings as the code has them now. */
export const withSettingsTable = (readme: string): string =>
  readme.replace(SECTION, (_all, start: string, end: string) => `${start}\n${settingsTable()}\n${end}`)
