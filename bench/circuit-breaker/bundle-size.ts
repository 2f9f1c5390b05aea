import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { build } from 'esbuild'

export interface BundleSize {
  readonly minified: number
  readonly gzipped: number
}

const here = fileURLToPath(new URL('.', import.meta.url))

const bundles: Record<string, string> = {
  opossum: "export { default } from 'opossum'",
  'cockatiel, breaker and consecutive':
    "export { circuitBreaker, handleAll, ConsecutiveBreaker } from 'cockatiel'",
  'cockatiel, all': "export * from 'cockatiel'",
  'CircuitBreaker and consecutive': "export { CircuitBreaker, consecutive } from '@mreg/circuit-breaker'",
  'all but the registry':
    "export { CircuitBreaker, consecutive, countWindow, timeWindow, anyOf, overdue, backoff } from '@mreg/circuit-breaker'",
  all: "export * from '@mreg/circuit-breaker'",
  'all and both metric adapters':
    "export * from '@mreg/circuit-breaker'; export * from '@mreg/circuit-breaker/prometheus'; export * from '@mreg/circuit-breaker/opentelemetry'",
}

/** What each import adds to a bundle, minified, and then gzipped. */
export async function measureBundles(): Promise<Map<string, BundleSize>> {
  const sizes = Object.entries(bundles).map(async ([name, contents]): Promise<[string, BundleSize]> => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: here },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node22.12',
      conditions: ['@mreg/source'],
      logLevel: 'error',
    })
    const text = outputFiles[0]?.contents ?? new Uint8Array()
    return [name, { minified: text.length, gzipped: gzipSync(text, { level: 9 }).length }]
  })
  return new Map(await Promise.all(sizes))
}
