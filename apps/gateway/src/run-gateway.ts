import { runProcess } from '@mreg/composition'
import { RouteSnapshots } from '@mreg/registry'

import { createContainer } from './container.ts'
import { Gateway } from './gateway.ts'
import { banner } from './process/banner.ts'
import { DataDirectory } from './process/data-directory.ts'

await runProcess(import.meta.dirname, async ({ settings, logger, resources }) => {
  if (settings.workers > 1) {
    logger.warn('this version runs in one process whatever MREG_WORKERS says; start several gateways instead')
  }
  const data = resources.use(DataDirectory.claim(settings.dataDirectory))
  const container = await createContainer({
    settings,
    logger,
    data,
    resources,
    programDirectory: import.meta.dirname,
  })
  const url = await container.get(Gateway).start()
  // The embedded database is opened meanwhile.
  const { source } = container.get(RouteSnapshots).state()
  const fromSnapshot = source === 'snapshot' && settings.store.kind === 'postgres'
  data.announce({ url, pid: process.pid })

  const readyMs = Math.round(performance.now())
  logger.info('ready', { url, readyMs, source })
  if (settings.environment === 'production') return
  process.stdout.write(
    banner({
      url: settings.listen.publicUrl?.href.replace(/\/$/u, '') ?? url,
      dataDirectory: data.path,
      readyMs,
      authentication: settings.access.mode,
      store: settings.store.kind,
      fromSnapshot,
      commandLine: /(^|[/\\])mreg(\.js)?$/u.test(process.argv[1] ?? ''),
    }),
  )
})
