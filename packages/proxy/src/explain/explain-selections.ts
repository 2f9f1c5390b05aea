import type { TracedSelection } from '../merged/catalog-views.ts'
import type { Steps } from './explanation.ts'

/**
 * Says what a toolset makes of an entry that access lets through.
 *
 * @returns what the caller calls it; undefined: it is not shown.
 */
export const explainSelections = (
  steps: Steps,
  traced: readonly TracedSelection[],
  {
    isFound,
    name,
    set,
  }: { readonly name: string; readonly set: string | undefined; readonly isFound: boolean },
): string | undefined => {
  for (const { reason, shown } of traced) {
    const outcome = shown === undefined ? 'no' : 'ok'
    if (reason?.by === 'toolset')
      steps.add('toolset', outcome, reason.code, `Of the toolset "${set}": ${reason.text}.`, reason.details)
    else if (reason === undefined && shown === undefined)
      steps.add('access', 'no', 'not_selected', 'It is not among what is shown to the caller.')
  }
  const shownAs = traced.at(-1)?.shown?.exposed ?? (isFound ? name : undefined)
  if (shownAs !== undefined && !isFound) {
    const text = `Here it is called ${JSON.stringify(shownAs)}, and ${JSON.stringify(name)} means nothing.`
    steps.add('toolset', 'no', 'renamed', text)
  }
  return shownAs
}
