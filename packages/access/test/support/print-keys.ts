import { loadKeys } from '../../src/index.ts'

// A process of its own, for the test that starts several at once.
const [dataDirectory = ''] = process.argv.slice(2)
process.stdout.write(
  JSON.stringify(await loadKeys({ dataDirectory, adminKey: undefined, secretKeys: undefined })),
)
