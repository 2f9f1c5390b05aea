import { tmpdir } from 'node:os'

import { defaultDataDirectory } from '@mreg/composition'
import { expect, test } from 'vitest'

test('run from a repository, data is beside the code', () => {
  expect(defaultDataDirectory(import.meta.dirname)).toMatch(/\.mreg$/u)
})

test('installed, data is where the system keeps the data of programs', () => {
  const installed = tmpdir()
  expect(defaultDataDirectory(installed, { XDG_DATA_HOME: '/xdg' }, 'linux')).toBe('/xdg/mreg')
  expect(defaultDataDirectory(installed, {}, 'linux')).toMatch(/\.local\/share\/mreg$/u)
  expect(defaultDataDirectory(installed, {}, 'darwin')).toMatch(/Library\/Application Support\/mreg$/u)
  expect(defaultDataDirectory(installed, { LOCALAPPDATA: '/local' }, 'win32')).toMatch(/local.mreg$/u)
})
