import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

import type { ServerStatus } from '@mreg/core'
import {
  HealthBoard,
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
import { type EndpointTarget, probeEndpoint, Upstreams, VERDICT_MS } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import {
  CacheToken,
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
  bind(HealthBoard).toResolvedValue(
    (shared, resources) => resources.use(new HealthBoard({ cache: shared, ttlMs: VERDICT_MS })),
    [CacheToken, ResourcesToken],
  )
  bind(HealthRecorder).toResolvedValue(
    (pool, settings, board, routes) =>
      new HealthRecorder(pool, settings.health, (kept) =>
        board.post(kept.filter(({ endpointId }) => isShared(routes.target(endpointId)))),
      ),
    [DatabaseToken, SettingsToken, HealthBoard, RouteTable],
  )
  bind(HealthStates).toResolvedValue(
    (changes, events, routes, board, upstreams, settings, facts) => {
      const learn = (endpointId: string, status: ServerStatus): void => {
        if (isShared(routes.target(endpointId))) upstreams.learnStatus(endpointId, status)
      }
      const states = new HealthStates(events, (endpointId, status, former) => {
        // That a first probe has failed is known already, by those who probe: the log is not to say that it is half as bad.
        if (status !== 'degraded' || former !== 'healthy') learn(endpointId, status)
      })
      // Where nobody probes, nobody finds out that an endpoint works again.
      const isReader = facts.role === 'gateway' && settings.healthMode !== 'off'
      if (isReader) board.follow({ learn, endpointIds: () => sharedIds(routes.targets()) })
      changes.onDelta((delta) => {
        states.apply(delta)
        if (delta.complete && isReader) void board.read()
      })
      return states
    },
    // After the route table, which asks to be told before.
    [ChangeFeed, EventsToken, RouteTable, HealthBoard, Upstreams, SettingsToken, FactsToken],
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
        const options = { timeoutMs: timeouts.probeMs, clientInfo, signal, isRoutine, keepSession: isRoutine }
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
    (pool, { audit }, logger, resources) =>
      resources.use(new RegistryRetention({ database: pool, auditMs: audit.keepMs, logger })),
    [DatabaseToken, SettingsToken, LoggerToken, ResourcesToken],
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

/** Whether what one process finds at it is true for others. A process of its own is nobody else's. */
const isShared = (target: EndpointTarget | undefined): boolean =>
  target !== undefined && target.endpoint.transport !== 'stdio'

function* sharedIds(targets: Iterable<EndpointTarget>): Generator<string, void, undefined> {
  for (const target of targets) if (isShared(target)) yield target.endpoint.id
}

function* processes(targets: Iterable<EndpointTarget>): Generator<EndpointTarget, void, undefined> {
  for (const target of targets) if (target.endpoint.transport === 'stdio') yield target
}
