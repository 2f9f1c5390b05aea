import type { EventBus, GatewayEvents, Logger } from '@mreg/core'

/** Writes each event into the log, under its name. */
export const logEvents = (events: EventBus<GatewayEvents>, logger: Logger): void => {
  const types = [
    'server-registered',
    'server-updated',
    'server-removed',
    'server-status-changed',
    'endpoint-status-changed',
    'circuit-changed',
  ] as const satisfies readonly (keyof GatewayEvents)[]
  for (const type of types) events.on(type, (event) => logger.info(type, { ...event }))
}
