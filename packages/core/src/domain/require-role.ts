import { ForbiddenError } from '../errors/errors.ts'
import type { Principal, Role } from './principal.ts'

const RANK: Readonly<Record<Role, number>> = { readonly: 0, user: 1, operator: 2, admin: 3 }

/** Whether a role may do all that `needed` may. */
export const isAtLeast = (role: Role, needed: Role): boolean => RANK[role] >= RANK[needed]

/** @throws {ForbiddenError} `role_too_low`: the principal has a lower role than `needed`. */
export const requireRole = ({ role }: Pick<Principal, 'role'>, needed: Role): void => {
  if (isAtLeast(role, needed)) return
  throw new ForbiddenError('role_too_low', `this needs the role ${needed}; the key has the role ${role}`)
}
