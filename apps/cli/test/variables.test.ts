import { sep } from 'node:path'

import { expect, test } from 'vitest'

import { VariableError, Variables } from '../src/import/variables.ts'

const variables = new Variables({
  environment: { REGION: 'eu', API_KEY: 'k-1', EMPTY: '' },
  workspace: '/projects/shop',
  home: '/home/me',
  input: (id) => Promise.resolve({ value: `<${id}>`, secret: id === 'token' }),
})

test.each([
  ['plain', 'plain'],
  ['${env:REGION}', 'eu'],
  ['${REGION}-1', 'eu-1'],
  ['${MISSING:-us}', 'us'],
  ['${EMPTY:-us}', 'us'],
  ['${input:token}', '<token>'],
  ['${workspaceFolder}/src', '/projects/shop/src'],
  ['${workspaceFolderBasename}', 'shop'],
  ['${userHome}', '/home/me'],
  ['a${/}b${pathSeparator}c', `a${sep}b${sep}c`],
  ['$REGION and ${REGION}${REGION}', '$REGION and eueu'],
])('%s is filled in as %s', async (text, filled) => {
  expect((await variables.fill(text)).text).toBe(filled)
})

test.each(['${env:MISSING}', '${MISSING}', '${command:pick}', '${config:x.y}'])(
  '%s has no value here, and the error names it',
  async (text) => {
    await expect(variables.fill(text)).rejects.toSatisfy((error: unknown) => VariableError.is(error))
  },
)

test('a text into which a secret went says so', async () => {
  expect((await variables.fill('${API_KEY}')).secret).toBe(true)
  expect((await variables.fill('--region ${REGION}')).secret).toBe(false)
  expect((await variables.fill('${input:token}')).secret).toBe(true)
  expect((await variables.fill('${input:region}')).secret).toBe(false)
})
