import { ConflictError, type Principal, ValidationError } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { IdempotencyKeyRepository, type RegistryDatabase } from '@mreg/repositories'

import type { CredentialSealer } from './seal-endpoints.ts'

/** Printable ASCII, so that it can be a header. */
const KEY = /^[\u0021-\u007e]{1,255}$/u

/** A request that may come twice. */
export interface IdempotentRequest {
  readonly principal: Principal
  /** Chosen by the caller (the header `Idempotency-Key`); undefined: the request is done whenever it comes. */
  readonly idempotencyKey: string | undefined
  /** What the request wants, in the form of JSON: with the same key it must be the same. May hold secrets. */
  readonly about: unknown
}

/**
 * What `work` answers, or what it answered when this request came before: then it is not done again. In the session in which
 * `work` is done, so that a key is taken exactly when the work is committed.
 *
 * @throws {ValidationError} `invalid_idempotency_key`.
 * @throws {ConflictError} `idempotency_key_reused`: it came with another request.
 */
export const answerOnce = async <Answer>(
  session: TenantSession<RegistryDatabase>,
  sealer: CredentialSealer,
  { about, idempotencyKey, principal }: IdempotentRequest,
  work: () => Promise<Answer>,
): Promise<Answer> => {
  if (idempotencyKey === undefined) return work()
  if (!KEY.test(idempotencyKey)) {
    const message = 'must be 1 to 255 visible ASCII characters'
    throw new ValidationError([{ path: 'Idempotency-Key', message }], { code: 'invalid_idempotency_key' })
  }
  const keys = new IdempotencyKeyRepository(session)
  const key = { principalId: principal.id, key: idempotencyKey }
  const claim = await keys.begin(key, sealer.fingerprint(JSON.stringify(about)))
  if (claim.kind === 'other') {
    throw new ConflictError(
      'idempotency_key_reused',
      'this Idempotency-Key came with another request before; choose a new one for each request',
    )
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fingerprint says that it answers the same request
  if (claim.kind === 'answered') return claim.answer as Answer
  const answer = await work()
  await keys.complete(key, answer)
  return answer
}
