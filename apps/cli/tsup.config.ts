import { app } from '@mreg/tooling/tsup'

// The product in one package: the command line, and the programs that it starts. What is ours is bundled from
// source; what comes from npm stays a dependency.
export default app({
  entry: {
    mreg: 'src/main.ts',
    gateway: '../gateway/src/main.ts',
    worker: '../health-worker/src/main.ts',
    // The thread of the embedded database, which is looked for beside the program.
    'pglite-worker': '../../packages/db-pool/src/pglite/thread/pglite-worker.ts',
  },
  noExternal: [/^@mreg\//u],
  skipNodeModulesBundle: true,
  sourcemap: false,
  esbuildOptions: (options) => {
    options.supported = { ...options.supported, using: true }
    options.conditions = ['@mreg/source']
  },
})
