import type { Settings } from '@mreg/core'
import { HealthMonitor, HealthRecorder, HistoryPruner, WakeDetector } from '@mreg/health'
import { RouteTable } from '@mreg/proxy'
import { RegistryRetention } from '@mreg/registry'
import { type EndpointTarget, probeEndpoint, Upstreams } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import {
  CheckerToken,
  DatabaseToken,
  type EndpointProber,
  EventsToken,
  FactsToken,
  LoggerToken,
  ProbeToken,
  type ProcessFacts,
  ResourcesToken,
  SettingsToken,
  WatchToken,
} from '../tokens.ts'

/** How servers are doing: asked when somebody wants to know, and all the time. */
export const health: ContainerModule = new ContainerModule(({ bind }) => {
  bind(HealthRecorder).toResolvedValue(
    (database, events) => new HealthRecorder(database, events),
    [DatabaseToken, EventsToken],
  )
  bind(ProbeToken).toResolvedValue(
    (upstreams, { timeouts }, { version }): EndpointProber => {
      const clientInfo = { name: 'mreg', version }
      return (target, signal, isRoutine = false) =>
        probeEndpoint(upstreams.endpoint(target), {
          timeoutMs: timeouts.probeMs,
          clientInfo,
          signal,
          isRoutine,
        })
    },
    [Upstreams, SettingsToken, FactsToken],
  )
  bind(CheckerToken).toResolvedValue(
    (routes, probe, recorder) => async (server, signal) => {
      const targets = routes.lookup(server.tenantId, server.slug)?.targets ?? []
      const probes = await Promise.all(targets.map((target) => probe(target, signal)))
      if (!signal.aborted) await recorder.record({ tenantId: server.tenantId, serverId: server.id }, probes)
    },
    [RouteTable, ProbeToken, HealthRecorder],
  )
  bind(HealthMonitor).toResolvedValue(
    (routes, probe, recorder, settings, facts, logger, resources) =>
      resources.use(
        new HealthMonitor({
          ...settings.health,
          targets: () => watched(routes.targets(), facts.role, settings.healthMode),
          probe: (target, signal) => probe(target, signal, true),
          record: (server, probes) => recorder.record(server, probes),
          logger,
        }),
      ),
    [RouteTable, ProbeToken, HealthRecorder, SettingsToken, FactsToken, LoggerToken, ResourcesToken],
  )
  bind(HistoryPruner).toResolvedValue(
    (pool, { health: { historyMs, historyChecks } }, logger, resources) =>
      resources.use(new HistoryPruner({ database: pool, historyMs, historyChecks, logger })),
    [DatabaseToken, SettingsToken, LoggerToken, ResourcesToken],
  )
  bind(RegistryRetention).toResolvedValue(
    (pool, logger, resources) => resources.use(new RegistryRetention({ database: pool, logger })),
    [DatabaseToken, LoggerToken, ResourcesToken],
  )
  bind(WatchToken).toResolvedValue(
    (monitor, pruner, retention, upstreams, logger, resources) => () => {
      const onWake = (sleptMs: number): void => {
        logger.info('the machine has slept; servers are asked again', { sleptMs: Math.round(sleptMs) })
        upstreams.wake()
        monitor.startOver()
      }
      resources.use(new WakeDetector({ onWake }))
      monitor.start()
      pruner.start()
      retention.start()
    },
    [HealthMonitor, HistoryPruner, RegistryRetention, Upstreams, LoggerToken, ResourcesToken],
  )
})

/** A stdio server is watched by the process that owns its child; the others by the worker, where there is one. */
function* watched(
  targets: Iterable<EndpointTarget>,
  role: ProcessFacts['role'],
  mode: Settings['healthMode'],
): Generator<EndpointTarget, void, undefined> {
  for (const target of targets) {
    const isChild = target.endpoint.transport === 'stdio'
    const isOurs = role === 'worker' ? !isChild : isChild || mode === 'embedded'
    if (isOurs) yield target
  }
}
