import type { AbstractNewable } from 'inversify'

/** A service identifier that carries the type of what it resolves to. */
export type Token<Service> = AbstractNewable<Service>

/**
 * Makes a token for a service that has no class of its own: settings, a logger, a pool.
 *
 * It is a symbol at run time. The container's types let only classes carry a type, so it is typed as
 * one; `bind(token)` and `toResolvedValue(factory, [token])` are then checked by the compiler.
 */
export const token = <Service>(description: string): Token<Service> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the phantom type is the point
  Symbol(description) as unknown as Token<Service>
