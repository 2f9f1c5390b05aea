import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { userDataDirectory } from '../src/gateway-client/data-directories.ts'
import { findGateway, runningIn } from '../src/gateway-client/find-gateway.ts'
import { temporaryDirectory } from './support/command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: Server
let url: string

// Only what `findGateway` looks at; the real gateway is found in the integration tests.
beforeEach(async () => {
  directory = await temporaryDirectory()
  server = createServer((_request, response) => response.end('{"status":"ok","version":"0"}')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await directory[Symbol.asyncDispose]()
})

const leaveWord = async (dataDirectory: string, pid = process.pid, at = url): Promise<string> => {
  await mkdir(dataDirectory, { recursive: true })
  await writeFile(join(dataDirectory, 'endpoint.json'), JSON.stringify({ url: at, pid }))
  await writeFile(join(dataDirectory, 'admin.key'), 'the-key\n')
  return dataDirectory
}

const look = (environment: Readonly<Record<string, string>> = {}, workingDirectory = directory.path) =>
  findGateway({ environment: { HOME: join(directory.path, 'home'), ...environment }, workingDirectory })

test('the gateway of the user is found from any directory, with its key', async () => {
  const dataDirectory = await leaveWord(userDataDirectory({ HOME: join(directory.path, 'home') }))
  expect(await look()).toEqual({ url, key: 'the-key', dataDirectory })
})

test('the one whose data directory is named goes first', async () => {
  await leaveWord(
    userDataDirectory({ HOME: join(directory.path, 'home') }),
    process.pid,
    'http://127.0.0.1:9',
  )
  const dataDirectory = await leaveWord(join(directory.path, 'named'))
  expect(await look({ MREG_DATA_DIR: dataDirectory })).toMatchObject({ url, dataDirectory })
})

test('one in .mreg is found from the directories below', async () => {
  const dataDirectory = await leaveWord(join(directory.path, 'project', '.mreg'))
  const below = join(directory.path, 'project', 'src', 'deep')
  await mkdir(below, { recursive: true })
  expect(await look({}, below)).toMatchObject({ url, dataDirectory })
})

test('MREG_URL and MREG_KEY name one', async () => {
  expect(await look({ MREG_URL: `${url}/`, MREG_KEY: 'k' })).toEqual({
    url,
    key: 'k',
    dataDirectory: undefined,
  })
})

test('a gateway that was killed is passed over for one that runs', async () => {
  await leaveWord(userDataDirectory({ HOME: join(directory.path, 'home') }), 2 ** 22 + 1)
  const dataDirectory = await leaveWord(join(directory.path, '.mreg'))
  expect(await look()).toMatchObject({ dataDirectory })
})

test('a process that took the id of a dead gateway is not taken for it', async () => {
  const dataDirectory = await leaveWord(join(directory.path, 'data'), process.pid, 'http://127.0.0.1:9')
  await expect(look({ MREG_DATA_DIR: dataDirectory })).rejects.toMatchObject({
    code: 'no_gateway',
    exitCode: 3,
  })
})

test('a gateway that is slow to answer is told from one that is gone, so that nobody starts another', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const at = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const dataDirectory = await leaveWord(join(directory.path, 'data'), process.pid, at)
  expect(await runningIn(dataDirectory, undefined, 50)).toBe('silent')
  silent.closeAllConnections()
  silent.close()
  await once(silent, 'close')
  expect(await runningIn(dataDirectory)).toBe('gone')
})

test('when there is none, the error says where was looked', async () => {
  await expect(look()).rejects.toThrow(join('home', '.local', 'share', 'mreg'))
  await expect(look({ MREG_URL: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'no_gateway' })
  await expect(look({ MREG_URL: 'nonsense' })).rejects.toMatchObject({ code: 'usage', exitCode: 2 })
})

test.each([
  ['linux', { HOME: '/h' }, '/h/.local/share/mreg'],
  ['linux', { HOME: '/h', XDG_DATA_HOME: '/x' }, '/x/mreg'],
  ['darwin', { HOME: '/h' }, '/h/Library/Application Support/mreg'],
] as const)('on %s with %j, the data of the user is in %s', (platform, environment, path) => {
  expect(userDataDirectory(environment, platform)).toBe(path)
})
