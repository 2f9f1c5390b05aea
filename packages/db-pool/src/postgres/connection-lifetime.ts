/** The part of its life by which a connection may end earlier than the longest. */
const JITTER = 0.2

/**
 * How long a connection may live, in milliseconds: up to a fifth less than the longest, so that connections that
 * were opened together do not all end together.
 *
 * @param random from 0 to 1.
 */
export const connectionLifetimeMs = (maxLifetimeMs: number, random: number = Math.random()): number =>
  maxLifetimeMs * (1 - JITTER * random)
