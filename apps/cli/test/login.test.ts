import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  type AuthorizationServer,
  ManagedProcess,
  type ProtectedServer,
  startAuthorizationServer,
  startProtectedServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { RedirectListener } from '../src/login/redirect-listener.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A program that is run from its source takes a while to begin. */
const PATIENT = { timeoutMs: 60_000 }

/** The address that the person is to open. */
const addressIn = ({ stderr }: ManagedProcess): string | undefined =>
  /^ *(http:\/\/\S+\/auth\?\S+)$/mu.exec(stderr)?.[1]

// One story: each test begins where the one before it ended.
describe('mreg login', { timeout: 90_000 }, () => {
  const resources = new AsyncDisposableStack()
  let dataDirectory: string
  let authority: AuthorizationServer
  let server: ProtectedServer

  const mreg = (...args: string[]): ManagedProcess =>
    resources.use(
      new ManagedProcess({
        command: process.execPath,
        arguments: ['--conditions=@mreg/source', MAIN, ...args],
        environment: { PATH: process.env['PATH'], HOME: dataDirectory, MREG_DATA_DIR: dataDirectory },
        workingDirectory: dataDirectory,
      }),
    )

  beforeAll(async () => {
    dataDirectory = mkdtempSync(join(tmpdir(), 'mreg-login-'))
    resources.defer(() => rmSync(dataDirectory, { recursive: true, force: true }))
    authority = resources.use(await startAuthorizationServer())
    server = resources.use(await startProtectedServer({ authorizationServer: authority }))
    const gateway = mreg('serve', '--port', '0')
    await waitUntil(
      'the gateway',
      () => gateway.isRunning && readFileSync(join(dataDirectory, 'endpoint.json'), 'utf8') !== '',
      PATIENT,
    )
    const added = mreg('add', 'notes', server.url)
    expect(await added.exited).toMatchObject({ code: 0 })
  }, 90_000)

  afterAll(() => resources.disposeAsync())

  test('opens the way to the browser, waits for it, and shows the server healthy', async () => {
    const login = mreg('login', 'notes', '--no-browser', '--json')
    const address = await waitUntil('the address', () => addressIn(login), PATIENT)
    const redirect = await authority.consent(address)

    const stray = await fetch(`${redirect.origin}/callback?state=wrong&code=x`)
    expect(stray.status).toBe(400)
    const page = await fetch(redirect)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('You can close this page.')

    expect(await login.exited).toEqual({ code: 0, signal: null })
    expect(JSON.parse(login.stdout)).toMatchObject({ slug: 'notes', status: 'healthy' })
    const shown = login.stdout + login.stderr
    for (const secret of [...authority.tokens, redirect.searchParams.get('code') ?? 'no code'])
      expect(shown).not.toContain(secret)
  })

  test('says that the person refused', async () => {
    const login = mreg('login', 'notes', '--no-browser', '--json')
    const address = new URL(await waitUntil('the address', () => addressIn(login), PATIENT))
    const redirect = new URL(address.searchParams.get('redirect_uri') ?? '')
    redirect.searchParams.set('error', 'access_denied')
    redirect.searchParams.set('state', address.searchParams.get('state') ?? '')
    redirect.searchParams.set('iss', authority.issuer)
    await fetch(redirect)

    expect(await login.exited).toEqual({ code: 4, signal: null })
    expect(JSON.parse(login.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { code: 'login_refused' },
    })
  })

  test('forgets', async () => {
    const forget = mreg('login', 'notes', '--forget', '--json')

    expect(await forget.exited).toEqual({ code: 0, signal: null })
    expect(JSON.parse(forget.stdout)).toMatchObject({ status: 'needs_login' })
  })
})

describe('the listener for the browser', () => {
  test('gives up when nobody comes, and closes while somebody is connected', async () => {
    const listener = new RedirectListener()
    const uri = await listener.start()
    expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/u)
    expect(await listener.answerTo('state', 20)).toBeUndefined()
    expect((await fetch(new URL('/elsewhere', uri))).status).toBe(404)
    await listener[Symbol.asyncDispose]()
    await listener[Symbol.asyncDispose]()
    await expect(fetch(uri)).rejects.toThrow('fetch failed')
  })
})
