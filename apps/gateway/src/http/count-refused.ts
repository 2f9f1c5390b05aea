import { RefusedAttempts } from '@mreg/access'
import type { Settings } from '@mreg/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { clientAddress } from './client-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a key or token that was not good; throws when there were too many. Default: nobody counts. */
    readonly countRefused?: (request: FastifyRequest, authorization: string) => void
  }
}

/** Lets `app` count the keys and tokens that were not good, by where they came from. */
export const countRefused = (app: FastifyInstance, { security }: Pick<Settings, 'security'>): void => {
  const refused = new RefusedAttempts({ perMinute: security.refusedAttemptsPerMinute })
  app.decorate('countRefused', (request, authorization) =>
    refused.count(clientAddress(request.raw, security.trustedProxies), authorization),
  )
}
