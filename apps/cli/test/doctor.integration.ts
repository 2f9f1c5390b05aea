import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'

import { startFixtureServer, startModernServer } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'

import { selfSigned } from './support/certificate.ts'
import { runCommand } from './support/command.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace

beforeAll(async () => {
  workplace = await openWorkplace()
})

afterAll(() => workplace[Symbol.asyncDispose]())

const report = z.object({
  problems: z.number(),
  checks: z.array(
    z.object({
      check: z.string(),
      findings: z.array(
        z.object({ status: z.string(), text: z.string(), mend: z.array(z.string()).default([]) }),
      ),
    }),
  ),
})

/** What one check of `mreg doctor` finds, as lines that start with the status. */
const diagnose = async (
  check: string,
  name: string | undefined,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const { stdout } = await workplace.mreg(
    ['doctor', ...(name === undefined ? [] : [name]), '--json'],
    environment,
  )
  const found = report.parse(JSON.parse(stdout)).checks.find((each) => each.check === check)
  return (found?.findings ?? [])
    .map(({ status, text, mend }) => [`${status}: ${text}`, ...mend].join('\n'))
    .join('\n')
}

interface TestServer extends AsyncDisposable {
  readonly url: string
}

const listen = async (listener: RequestListener): Promise<TestServer> => {
  const server: Server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Registers a server for the time of a test. */
const registered = async (...args: string[]): Promise<AsyncDisposable> => {
  const [name = ''] = args
  await workplace.json(['add', ...args])
  return { [Symbol.asyncDispose]: async () => void (await workplace.mreg(['remove', name])) }
}

test('when all is well, it says so and ends with 0', async () => {
  await using fixture = await startFixtureServer()
  await using server = await registered('well', fixture.url)
  expect(server).toBeDefined()
  const { code, stdout } = await workplace.mreg(['doctor'])
  expect(stdout).toContain('Nothing is wrong.')
  expect(stdout).toContain('✓ Protocol     clients can talk to well')
  expect(code).toBe(0)
})

test('a web page where an MCP server should be: the right path is found and named', async () => {
  const answer = toolsServer(1)
  await using site = await listen((request, response) => {
    if (request.url === '/mcp') answer(request, response)
    else response.setHeader('content-type', 'text/html').end('<!doctype html><title>Welcome</title>')
  })
  await using page = await registered('page', `${site.url}/docs`)
  expect(page).toBeDefined()
  const words = await diagnose('url-path', 'page')
  expect(words).toContain(`problem: page: at ${site.url}/docs there is a web page, not an MCP server`)
  expect(words).toContain(`mreg remove page && mreg add page ${site.url}/mcp`)
})

test('a path that leads nowhere, on a host with no MCP server at all', async () => {
  await using site = await listen((_request, response) => {
    response.writeHead(404).end()
  })
  await using lost = await registered('lost', `${site.url}/mcp`)
  expect(lost).toBeDefined()
  const words = await diagnose('url-path', 'lost')
  expect(words).toContain('there is nothing (404)')
  expect(words).toContain('Look up its path')
})

test('a server of the older HTTP+SSE transport is recognised', async () => {
  await using old = await listen((request, response) => {
    if (request.method !== 'GET') {
      response.writeHead(405).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: endpoint\ndata: /messages?id=1\n\n')
  })
  await using server = await registered('old', `${old.url}/sse`)
  expect(server).toBeDefined()
  expect(await diagnose('url-path', 'old')).toContain('--transport sse')
})

test('a server that does not run, and one that wants credentials', async () => {
  await using dead = await registered('dead', 'http://127.0.0.1:9/mcp')
  expect(dead).toBeDefined()
  expect(await diagnose('url-path', 'dead')).toContain('nothing answers')
  await using closed = await listen((_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
  })
  await using locked = await registered('locked', `${closed.url}/mcp`)
  expect(locked).toBeDefined()
  const words = await diagnose('login', 'locked')
  expect(words).toContain('problem: locked wants credentials')
  expect(words).toContain('--header')
  expect(await diagnose('url-path', 'locked')).toContain('ok: locked answers')
})

test('a command that is missing, a directory that is missing, a command that fails', async () => {
  await using missing = await registered('missing', '--', 'uvx', 'some-server')
  await using nowhere = await registered('nowhere', '--cwd', '/does/not/exist', '--', process.execPath)
  await using failing = await registered('failing', '--', process.execPath, '-e', 'process.exit(3)')
  expect([missing, nowhere, failing]).toHaveLength(3)
  const path = { PATH: join(workplace.home, 'empty') }
  await mkdir(path.PATH, { recursive: true })
  const words = await diagnose('missing-command', undefined, path)
  expect(words).toContain('problem: missing: the command uvx was not found\nuvx comes with uv')
  expect(words).toContain('problem: nowhere: its directory /does/not/exist does not exist')
  expect(words).toContain('problem: failing does not work')
})

test('a package registry that does not answer concerns the servers that are fetched', async () => {
  await using fetched = await registered('fetched', '--no-wait', '--', 'npx', '-y', 'some-server')
  expect(fetched).toBeDefined()
  const offline = await diagnose('package-registry', 'fetched', {
    npm_config_registry: 'http://127.0.0.1:9/',
  })
  expect(offline).toContain(
    'warning: the package registry http://127.0.0.1:9/ cannot be reached; fetched can only',
  )
  await using answering = await listen((_request, response) => response.end())
  await writeFile(join(workplace.home, '.npmrc'), `registry=${answering.url}/\n`)
  expect(await diagnose('package-registry', 'fetched')).toBe(
    `ok: the package registry ${answering.url}/ answers`,
  )
})

test('a server of the 2026 revision is no problem where the gateway translates, and one where it does not', async () => {
  await using modern = await startModernServer()
  await using server = await registered('modern', modern.url)
  expect(server).toBeDefined()
  expect(await diagnose('protocol-era', 'modern')).toMatch(
    /^(ok: clients can talk to|problem: modern works, and)/u,
  )
})

test('a server of a revision that no client knows', async () => {
  await using strange = await listen(toolsServer(1, '1999-12-31'))
  await using server = await registered('strange', `${strange.url}/mcp`)
  expect(server).toBeDefined()
  const words = await diagnose('protocol-era', 'strange')
  expect(words).toContain(
    'problem: strange works, and clients of the 2025 revisions of MCP cannot talk to it',
  )
  expect(words).toContain('1999-12-31')
  expect(words).toContain('another version of the server')
})

test('more tools than clients take', async () => {
  await using many = await listen(toolsServer(150))
  await using server = await registered('many', `${many.url}/mcp`)
  expect(server).toBeDefined()
  const words = await diagnose('tool-count', undefined)
  expect(words).toMatch(
    /warning: 150 tools, about [\d,]+ tokens: more than the 40 that Cursor takes and the 128 that VS Code takes/u,
  )
  expect(words).toContain('many (150)')
})

test('proxies and certificates are looked at, and no value of theirs is shown', async () => {
  expect(await diagnose('proxy-and-certificates', undefined, { HTTPS_PROXY: 'user:hush@proxy' })).toContain(
    'problem: HTTPS_PROXY is not the URL of a proxy',
  )
  expect(
    await diagnose('proxy-and-certificates', undefined, { HTTP_PROXY: 'http://user:hush@127.0.0.1:9' }),
  ).toMatch(/^warning: a proxy is set \(HTTP_PROXY\), also for this machine[^]*NO_PROXY=localhost/u)
  expect(
    await diagnose('proxy-and-certificates', undefined, {
      HTTP_PROXY: 'http://user:hush@127.0.0.1:9',
      NO_PROXY: 'localhost,127.0.0.1',
    }),
  ).toMatch(/^ok: [^]*(?<!hush[^]*)$/u)
  const file = join(workplace.home, 'not-a-certificate.pem')
  await writeFile(file, 'nonsense')
  expect(await diagnose('proxy-and-certificates', undefined, { NODE_EXTRA_CA_CERTS: file })).toContain(
    'holds no certificate',
  )
  expect(await diagnose('proxy-and-certificates', undefined, { NODE_EXTRA_CA_CERTS: '/none.pem' })).toContain(
    'does not exist',
  )
})

test('an address that is secure, and a certificate that nobody trusts, or no TLS at all', async () => {
  const secure = createSecureServer(selfSigned, toolsServer(1)).listen(0, '127.0.0.1')
  await once(secure, 'listening')
  const address = secure.address()
  const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/mcp`
  await using untrusted = await registered('untrusted', url)
  await using plain = await listen(toolsServer(1))
  await using insecure = await registered('insecure', `${plain.url.replace('http:', 'https:')}/mcp`)
  expect([untrusted, insecure]).toHaveLength(2)
  const words = await diagnose('proxy-and-certificates', undefined)
  expect(words).toContain(
    'problem: untrusted: its certificate is from nobody whom this machine trusts (DEPTH_ZERO_SELF_SIGNED_CERT)',
  )
  expect(words).toContain('Set NODE_EXTRA_CA_CERTS to the PEM file')
  expect(words).toContain('problem: insecure: what listens there does not speak TLS')
  expect(words).toContain('http:// in place of https://')
  // What only the gateway does not trust is told from what nobody does.
  const authority = join(workplace.home, 'authority.pem')
  await writeFile(authority, selfSigned.cert)
  expect(await diagnose('proxy-and-certificates', 'untrusted', { NODE_EXTRA_CA_CERTS: authority })).toContain(
    'problem: untrusted: a secure connection can be made from here, but not by the gateway',
  )
  secure.closeAllConnections()
  secure.close()
})

test('an old Node.js on the PATH, which servers that npx starts have to run on', async () => {
  await using aged = await registered('aged', '--', 'npx', '-y', 'some-server')
  expect(aged).toBeDefined()
  const programs = join(workplace.home, 'old')
  await mkdir(programs)
  await writeFile(join(programs, 'node'), '#!/bin/sh\necho v16.20.2\n')
  await chmod(join(programs, 'node'), 0o755)
  const words = await diagnose('node-version', undefined, { PATH: programs })
  expect(words).toContain('problem: node on the PATH is 16.20.2; many servers need 20 or newer')
  expect(words).toContain('https://nodejs.org')
  expect(words).toContain('aged')
})

test('a wrong key', async () => {
  const words = await diagnose('gateway-and-key', undefined, {
    MREG_URL: workplace.gateway.url,
    MREG_KEY: 'mreg_admin_wrong',
  })
  expect(words).toContain('problem: it runs, and refuses')
  expect(words).toContain('admin.key')
})

test('a key file that others may read', async () => {
  const file = join(workplace.gateway.dataDirectory, 'admin.key')
  await chmod(file, 0o644)
  expect(await diagnose('gateway-and-key', undefined)).toContain(`chmod 600 '${file}'`)
  await chmod(file, 0o600)
})

test('a gateway for which there is no key', async () => {
  const words = await diagnose('gateway-and-key', undefined, {
    MREG_DATA_DIR: join(workplace.home, 'nowhere'),
    MREG_URL: workplace.gateway.url,
  })
  expect(words).toContain('problem: it runs, and there is no key for it')
})

test('without a gateway: whether its port is free, taken by a program, or by another gateway', async () => {
  const environment = { HOME: workplace.home, MREG_DATA_DIR: join(workplace.home, 'nowhere') }
  const look = async (port: string): Promise<string> => {
    const { code, stdout } = await runCommand(['doctor'], {
      environment: { ...environment, MREG_PORT: port },
    })
    expect(code).toBe(1)
    return stdout
  }
  expect(await look(String(workplace.gateway.port))).toContain('Name its data directory')
  await using other = await listen((_request, response) => response.end('hello'))
  const taken = await look(new URL(other.url).port)
  expect(taken).toContain('is taken by another program')
  expect(taken).toContain('mreg serve --port 0')
  expect(taken).toContain('mreg serve')
  expect(await look('0')).toContain('is free for a gateway')
})

/** A server without sessions that has so many tools. */
function toolsServer(count: number, protocolVersion = '2025-06-18'): RequestListener {
  return async (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405).end()
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { id, method } = z
      .object({ id: z.union([z.string(), z.number()]).optional(), method: z.string() })
      .parse(JSON.parse(Buffer.concat(chunks).toString()))
    if (id === undefined) {
      response.writeHead(202).end()
      return
    }
    const results: Readonly<Record<string, unknown>> = {
      initialize: {
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'many', version: '1' },
      },
      'tools/list': {
        tools: Array.from({ length: count }, (_, index) => ({
          name: `tool-${index}`,
          inputSchema: { type: 'object' },
        })),
      },
    }
    const result = results[method]
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        jsonrpc: '2.0',
        id,
        ...(result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result }),
      }),
    )
  }
}
