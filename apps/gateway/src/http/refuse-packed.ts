import type { FastifyReply, FastifyRequest } from 'fastify'

import { sendProblem } from './problem.ts'

/**
 * Answers a request whose body is packed (`Content-Encoding`) with 415, before the body is read: a kilobyte of it could become a
 * gigabyte. undefined: it is not packed.
 *
 * Source: RFC 9110, 15.5.16: the answer says in `Accept-Encoding` what would have been taken.
 */
export const refusePacked = (request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return undefined
  void reply.header('accept-encoding', 'identity')
  return sendProblem(request, reply, {
    type: 'about:blank',
    title: 'Unsupported Media Type',
    status: 415,
    code: 'unsupported_content_encoding',
    detail: 'the body is packed (Content-Encoding); send it as it is',
    requestId: request.id,
  })
}
