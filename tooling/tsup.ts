import { defineConfig, type Options } from 'tsup'

const shared = {
  entry: ['src/index.ts'],
  format: 'esm',
  dts: false,
  sourcemap: true,
  clean: true,
  // Some modules exist only under their full name: 'node:sqlite' is not 'sqlite'.
  removeNodeProtocol: false,
} satisfies Options

/** A library: runs wherever its users run. */
export const library = (overrides: Options = {}): ReturnType<typeof defineConfig> =>
  defineConfig({ ...shared, target: 'node22.12', ...overrides })

/** An app: runs on the Node that the workspace brings; `using` stays native. */
export const app = (overrides: Options = {}): ReturnType<typeof defineConfig> =>
  defineConfig({
    ...shared,
    entry: ['src/main.ts'],
    target: 'node24',
    esbuildOptions: (options) => {
      options.supported = { ...options.supported, using: true }
    },
    ...overrides,
  })
