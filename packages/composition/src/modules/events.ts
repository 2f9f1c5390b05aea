import { EventBus, type GatewayEvents } from '@mreg/core'
import { ContainerModule } from 'inversify'

import { logEvents } from '../log-events.ts'
import { EventsToken, LoggerToken } from '../tokens.ts'

/** What happens in this process, told to whoever subscribes; the log is the first who does. */
export const events: ContainerModule = new ContainerModule(({ bind }) => {
  bind(EventsToken).toResolvedValue(
    (logger) => {
      const bus = new EventBus<GatewayEvents>({
        onListenerError: (error, type) => logger.error('a listener failed', { type, error }),
      })
      logEvents(bus, logger)
      return bus
    },
    [LoggerToken],
  )
})
