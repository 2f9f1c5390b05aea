import type { AccessVerdict } from '@mreg/access'
import type { SelectionReason } from '@mreg/registry'

/** What rules say of something, in words: the one that refuses it, else all that allow it. */
export const accessReason = (verdicts: readonly AccessVerdict[]): SelectionReason => {
  const refusing = verdicts.find(({ isAllowed }) => !isAllowed)
  const details = { verdicts }
  if (refusing !== undefined) return { by: 'access', code: 'not_allowed', text: textOf(refusing), details }
  const text = verdicts.length === 0 ? 'no rule is about it' : verdicts.map(textOf).join('; ')
  return { by: 'access', code: verdicts.length === 0 ? 'no_rule' : 'allowed', text, details }
}

const textOf = ({ by, isAllowed, list, pattern, rule }: AccessVerdict): string => {
  if (rule === 'role' || rule === 'readOnlyTools')
    return `${by} allows only tools that their server calls read-only, ${isAllowed ? 'and it does' : 'which it does not'}`
  const matching = pattern === undefined ? undefined : JSON.stringify(pattern)
  if (list === 'deny') return `${by} denies ${matching} in \`${rule}.deny\``
  if (matching !== undefined) return `${by} allows ${matching} in \`${rule}.allow\``
  return isAllowed
    ? `${by} does not deny it in \`${rule}.deny\``
    : `${by} does not have it in \`${rule}.allow\``
}
