import { chmod, readdir, readFile, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { ConfigBackup } from '../src/connect/config-backup.ts'
import { editConfig } from '../src/connect/edit-config.ts'
import { temporaryDirectory } from './support/command.ts'
import { CURSOR_FILE } from './support/fixtures.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string

beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(await realpath(directory.path), 'mcp.json')
  await writeFile(file, CURSOR_FILE)
})

afterEach(() => directory[Symbol.asyncDispose]())

const text = CURSOR_FILE.toString('utf8').slice(1)
const path = ['mcpServers', 'local']
const gateway = { url: 'http://127.0.0.1:6734/mcp/local' }
const write = async (backup = new ConfigBackup(file)): Promise<void> => {
  const before = await readFile(file)
  await backup.write(
    editConfig(before.toString('utf8').replace(/^\uFEFF/u, ''), [{ path, value: gateway }]),
    [path],
    before,
  )
}

test('an edit changes one place and leaves comments, tabs, CRLF and commas as they are', () => {
  const edited = editConfig(text, [{ path, value: gateway }])
  const untouched = text.split('\r\n').filter((line) => !line.includes('"local"'))
  expect(edited.split('\r\n')).toEqual(expect.arrayContaining(untouched))
  expect(edited).toContain('\t\t"local": {\r\n\t\t\t"url": "http://127.0.0.1:6734/mcp/local"\r\n\t\t}')
  expect(edited.replaceAll('\r\n', '')).not.toContain('\n')
})

test('what was written is undone byte for byte, and nothing is left beside the file', async () => {
  await write()
  expect(await readFile(file)).not.toEqual(CURSOR_FILE)
  expect((await readFile(file))[0]).toBe(0xef)
  expect(await new ConfigBackup(file).undo()).toBe('bytes')
  expect(await readFile(file)).toEqual(CURSOR_FILE)
  expect(await readdir(directory.path)).toEqual(['mcp.json'])
})

test('two writes are undone together', async () => {
  await write()
  const before = await readFile(file)
  const second = editConfig(before.toString('utf8').slice(1), [
    { path: ['mcpServers', 'new'], value: gateway },
  ])
  await new ConfigBackup(file).write(second, [['mcpServers', 'new']], before)
  expect(await new ConfigBackup(file).undo()).toBe('bytes')
  expect(await readFile(file)).toEqual(CURSOR_FILE)
})

test('when something else has changed the file since, its change stays and only our servers are put back', async () => {
  await write()
  const changed = (await readFile(file, 'utf8')).replace('What Cursor starts with', 'Changed by hand')
  await writeFile(file, changed)
  expect(await new ConfigBackup(file).undo()).toBe('servers')
  const restored = await readFile(file, 'utf8')
  expect(restored).toContain('Changed by hand')
  expect(restored).toContain('http://127.0.0.1:1/mcp')
  expect(restored).not.toContain('6734')
})

test('a change between two writes of ours is not lost either', async () => {
  await write()
  await writeFile(file, (await readFile(file, 'utf8')).replace('What Cursor starts with', 'Changed by hand'))
  await write()
  expect(await new ConfigBackup(file).undo()).toBe('servers')
  expect(await readFile(file, 'utf8')).toContain('Changed by hand')
})

test('a file that was made is gone again', async () => {
  const made = join(directory.path, 'deeper', 'made.json')
  await new ConfigBackup(made).write('{}', [path], undefined)
  expect(await readFile(made, 'utf8')).toBe('{}')
  expect(await new ConfigBackup(made).undo()).toBe('removed')
  await expect(stat(made)).rejects.toThrow('ENOENT')
})

test('permissions are kept, of the file and of its copy', async () => {
  await chmod(file, 0o640)
  await write()
  expect((await stat(file)).mode & 0o777).toBe(0o640)
  expect((await stat(new ConfigBackup(file).path)).mode & 0o077).toBe(0)
  await new ConfigBackup(file).undo()
  expect((await stat(file)).mode & 0o777).toBe(0o640)
})

test('undoing what was not done is an error that says so', async () => {
  await expect(new ConfigBackup(file).undo()).rejects.toMatchObject({ code: 'nothing_to_undo' })
})

test('a symbolic link stays one when its target is named', async () => {
  const link = join(directory.path, 'link.json')
  await symlink(file, link)
  await write(new ConfigBackup(await realpath(link)))
  expect(await readFile(link)).toEqual(await readFile(file))
  await new ConfigBackup(await realpath(link)).undo()
  expect(await readFile(link)).toEqual(CURSOR_FILE)
})
