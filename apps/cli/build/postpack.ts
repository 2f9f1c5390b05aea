import { access, rename } from 'node:fs/promises'
import { join } from 'node:path'

// After npm has packed: the manifest as it was.
const directory = join(import.meta.dirname, '..')
const keptFile = join(directory, 'package.json.kept')
const isKept = await access(keptFile).then(
  () => true,
  () => false,
)
if (isKept) await rename(keptFile, join(directory, 'package.json'))
