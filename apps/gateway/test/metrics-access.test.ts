import { Authenticator } from '@mreg/access'
import { createSettings } from '@mreg/core'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'

import { problemOf } from '../src/http/problem.ts'
import { metricsRoute } from '../src/http/routes/metrics.ts'
import { ADMIN_KEY } from './support/in-process-gateway.ts'

describe('/metrics (S59)', () => {
  test.each([
    ['is closed to who has no key', false, undefined, 401],
    ['is closed to who has another key', false, 'Bearer wrong', 401],
    ["is open with the administrator's key", false, `Bearer ${ADMIN_KEY}`, 200],
    ['is open to everybody when metrics.public says so', true, undefined, 200],
  ])('%s', async (_what, isPublic, authorization, status) => {
    const content = JSON.stringify({ metrics: { public: isPublic } })
    const settings = createSettings({
      environment: { MREG_ENVIRONMENT: 'testing', MREG_CONFIG: '/settings.json' },
      readFile: () => content,
    })
    const app = fastify()
    app.setErrorHandler((error, request, reply) => {
      const problem = problemOf(error, request.id)
      return reply.code(problem.status).send(problem)
    })
    await app.register(metricsRoute, {
      settings,
      authenticator: new Authenticator({ adminKey: ADMIN_KEY, mode: 'none' }),
      metrics: { text: async () => 'figures' },
    })
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await app.inject({ method: 'GET', url: '/metrics', headers })
    expect(answer.statusCode).toBe(status)
    expect(answer.body === 'figures').toBe(status === 200)
    await app.close()
  })
})
