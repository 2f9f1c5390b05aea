import { type Fault, ValidationError } from '@mreg/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** RFC 9110, section 8.8.3: a strong tag of ours. */
const TAG = /^"(\d{1,15})"$/u

/**
 * Gives every answer that has a `revision` the entity tag (RFC 9110, section 8.8.3) that a change repeats in `If-Match`. It
 * stands for what is registered and not for how that is doing, so nothing is answered 304 for it.
 */
export const tagEntities = (app: FastifyInstance): void => {
  app.addHook('preSerialization', async (_request, reply, payload) => {
    const revision = reply.statusCode < 300 ? revisionIn(payload) : undefined
    if (revision !== undefined) void reply.header('etag', `"${revision}"`)
    return payload
  })
}

/**
 * The revision that a change is meant for, from the header `If-Match` (RFC 9110, section 13.1.1); undefined without the header,
 * and for `*`.
 *
 * @throws {ValidationError} the header holds something else than one entity tag as it was answered.
 */
export const wantedRevision = ({ headers }: FastifyRequest): number | undefined => {
  const given = headers['if-match']?.trim()
  if (given === undefined || given === '*') return undefined
  const [, revision] = TAG.exec(given) ?? []
  if (revision === undefined) throw new ValidationError([NOT_A_TAG])
  return Number(revision)
}

/**
 * What is to be changed, at the revision of `If-Match` when there is one.
 *
 * @throws {ValidationError} the header and the body name different revisions.
 */
export const atWantedRevision = <Patch extends { readonly revision?: number | undefined }>(
  request: FastifyRequest,
  patch: Patch,
): Patch => {
  const revision = wantedRevision(request)
  if (revision === undefined) return patch
  if (patch.revision !== undefined && patch.revision !== revision) throw new ValidationError([TWO_REVISIONS])
  return { ...patch, revision }
}

const NOT_A_TAG: Fault = {
  path: 'If-Match',
  message: 'must be one entity tag as the header ETag of an answer has it, such as "3", or *',
}
const TWO_REVISIONS: Fault = {
  path: 'revision',
  message: 'is another one than that of If-Match; give one of them',
}

const revisionIn = (payload: unknown): number | undefined =>
  typeof payload === 'object' &&
  payload !== null &&
  'revision' in payload &&
  typeof payload.revision === 'number'
    ? payload.revision
    : undefined
