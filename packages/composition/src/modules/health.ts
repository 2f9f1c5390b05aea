import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

import {
  HealthMonitor,
  HealthRecorder,
  HealthStates,
  HistoryPruner,
  LeasedSchedule,
  LiveEvidence,
  LocalSchedule,
  WakeDetector,
} from '@mreg/health'
import { RouteTable } from '@mreg/proxy'
import { ChangeFeed, RegistryRetention } from '@mreg/registry'
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
  ResourcesToken,
  SettingsToken,
  WatchToken,
} from '../tokens.ts'

/** How servers are doing: asked when somebody wants to know, and all the time. */
export const health: ContainerModule = new ContainerModule(({ bind }) => {
  bind(HealthRecorder).toResolvedValue(
    (pool, settings) => new HealthRecorder(pool, settings.health),
    [DatabaseToken, SettingsToken],
  )
  bind(HealthStates).toResolvedValue(
    (changes, events, _routes) => {
      const states = new HealthStates(events)
      changes.onDelta((delta) => states.apply(delta))
      return states
    },
    // After the route table, which asks to be told before.
    [ChangeFeed, EventsToken, RouteTable],
  )
  bind(LiveEvidence).toResolvedValue(
    (states, recorder, upstreams, settings, logger, resources) => {
      const evidence = resources.use(
        new LiveEvidence({
          statusOf: (endpointId) => states.ofEndpoint(endpointId),
          keep: (seen) => recorder.witness(seen),
          logger,
        }),
      )
      // Where nobody probes, nobody would find out that a server has recovered.
      if (settings.healthMode !== 'off')
        upstreams.witnessedBy((target, works) => evidence.note(target, works))
      return evidence
    },
    [HealthStates, HealthRecorder, Upstreams, SettingsToken, LoggerToken, ResourcesToken],
  )
  bind(ProbeToken).toResolvedValue(
    (upstreams, { timeouts }, { version }): EndpointProber => {
      const clientInfo = { name: 'mreg', version }
      return async (target, signal, isRoutine = false) => {
        const options = { timeoutMs: timeouts.probeMs, clientInfo, signal, isRoutine }
        const found = await probeEndpoint(upstreams.endpoint(target), options)
        if (!signal.aborted) upstreams.learnStatus(target.endpoint.id, found.status)
        return found
      }
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
  bind(LocalSchedule).toResolvedValue(
    (routes, recorder, settings) =>
      new LocalSchedule({
        ...settings.health,
        targets: () => processes(routes.targets()),
        record: (server, probes) => recorder.record(server, probes),
      }),
    [RouteTable, HealthRecorder, SettingsToken],
  )
  bind(LeasedSchedule).toResolvedValue(
    (pool, routes, recorder, settings) =>
      new LeasedSchedule({
        database: pool,
        target: (endpointId) => routes.target(endpointId),
        recorder,
        owner: `${hostname()} ${process.pid} ${randomUUID()}`,
        leaseMs: settings.health.leaseMs,
      }),
    [DatabaseToken, RouteTable, HealthRecorder, SettingsToken],
  )
  bind(HealthMonitor).toResolvedValue(
    (local, leased, probe, settings, facts, logger, resources) =>
      resources.use(
        new HealthMonitor({
          // A process is watched by the gateway that owns it; the others by a worker, where there is one.
          schedules: [
            ...(facts.role === 'gateway' ? [local] : []),
            ...(facts.role === 'worker' || settings.healthMode === 'embedded' ? [leased] : []),
          ],
          probe: (target, signal) => probe(target, signal, true),
          maxConcurrentProbes: settings.health.maxConcurrentProbes,
          logger,
        }),
      ),
    [LocalSchedule, LeasedSchedule, ProbeToken, SettingsToken, FactsToken, LoggerToken, ResourcesToken],
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
    (monitor, local, pruner, retention, upstreams, settings, logger, resources, _evidence) => () => {
      // oxlint-disable-next-line unicorn/consistent-function-scoping -- it does capture
      const onWake = (sleptMs: number): void => {
        logger.info('the machine has slept; servers are asked again', { sleptMs: Math.round(sleptMs) })
        upstreams.wake()
        local.startOver()
      }
      // Whoever watches: sockets die in sleep as well where servers are never probed.
      resources.use(new WakeDetector({ onWake }))
      if (settings.healthMode !== 'off') monitor.start()
      pruner.start()
      retention.start()
    },
    [
      HealthMonitor,
      LocalSchedule,
      HistoryPruner,
      RegistryRetention,
      Upstreams,
      SettingsToken,
      LoggerToken,
      ResourcesToken,
      // Nobody asks it here, but it follows, and is told of, what happens.
      LiveEvidence,
    ],
  )
})

function* processes(targets: Iterable<EndpointTarget>): Generator<EndpointTarget, void, undefined> {
  for (const target of targets) if (target.endpoint.transport === 'stdio') yield target
}
