import * as z from 'zod'

import { bootVariables } from './boot-variables.ts'
import { settingGroups } from './groups.ts'
import { presets } from './presets.ts'

const cell = (value: unknown): string => {
  if (value === undefined) return 'unset'
  return typeof value === 'number'
    ? String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/gu, ' ')
    : `\`${JSON.stringify(value)}\``
}

/** All settings as two Markdown tables: the boot variables, and the fields of the settings file with their presets. */
export const settingsTable = (): string => {
  const boot = bootVariables.map(
    ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`,
  )
  const fields = Object.entries(settingGroups).flatMap(([group, schema]) =>
    Object.entries(schema.shape).map(([field, type]) => {
      const [development, testing, production] = [
        presets.development,
        presets.testing,
        presets.production,
      ].map((preset) =>
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- group and field come from the same schema
        cell((preset as unknown as Record<string, Record<string, unknown>>)[group]?.[field]),
      )
      const others =
        development === testing && development === production
          ? ''
          : `; testing ${testing}, production ${production}`
      return `| \`${group}.${field}\` | ${development}${others} | ${z.globalRegistry.get(type)?.description ?? ''} |`
    }),
  )
  return [
    '| variable | default | meaning |',
    '|---|---|---|',
    ...boot,
    '',
    '| in the settings file | default | meaning |',
    '|---|---|---|',
    ...fields,
    '',
  ].join('\n')
}
