import type { FastifyInstance } from 'fastify'

/** Makes the `Location` of what was made good for clients that reach the gateway below a path of its public URL. */
export const locateBelow = (app: FastifyInstance, publicUrl: URL | undefined): void => {
  const prefix = publicUrl?.pathname.replace(/\/$/u, '') ?? ''
  if (prefix === '') return
  app.addHook('onSend', async (_request, reply, payload) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/'))
      void reply.header('location', `${prefix}${location}`)
    return payload
  })
}
