/**
 * Prints what came of a run. Runs on Node 20.
 * Usage: node summary.mjs RESULTS_FILE [FAILED_STEP…]
 *
 * The last line is "N passed, N failed", counted from vitest's results over all projects. A test file that could not be
 * run counts as one failure, and so does a failed step that no failed test accounts for, so that a red run never ends
 * with "0 failed". The exit code is 0 only when nothing failed and something passed.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const [resultsFile, ...failedSteps] = process.argv.slice(2)
let passed = 0
let failed = 0
let notRun = 0

try {
  const { testResults } = JSON.parse(readFileSync(resultsFile, 'utf8'))
  for (const { name: path, status, assertionResults } of testResults) {
    const name = relative(process.cwd(), path)
    const failures = assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName } of failures) console.log(`failed: ${name}: ${fullName}`)
    passed += assertionResults.filter((test) => test.status === 'passed').length
    notRun += assertionResults.filter((test) => test.status !== 'passed' && test.status !== 'failed').length
    failed += failures.length
    if (status === 'failed' && failures.length === 0) {
      console.log(`failed: ${name}: the file could not be run`)
      failed += 1
    }
  }
} catch (error) {
  console.log(`no test results: ${error.message}`)
}

const testFailures = failed
for (const step of failedSteps) {
  console.log(`failed step: ${step}`)
  if (step !== 'test' || testFailures === 0) failed += 1
}
if (notRun > 0) console.log(`${notRun} not run`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
