import { describe, expect, it } from 'vitest'

import { AccessLimits, type AccessRules, accessRulesSchema } from '../src/index.ts'

const limitsOf = (rules: AccessRules, role: 'user' | 'readonly' = 'user'): AccessLimits => {
  const limits = AccessLimits.of(role, [{ name: 'the key "ci"', rules: accessRulesSchema.parse(rules) }])
  if (limits === undefined) throw new Error('nothing is limited')
  return limits
}

const tool = (name: string, server = 'github', isReadOnly?: boolean) =>
  ({ kind: 'tool', server, name, isReadOnly }) as const

describe('what somebody is limited to', () => {
  it('is nothing without rules, or with rules that say nothing', () => {
    expect(AccessLimits.of('user', [])).toBeUndefined()
    expect(AccessLimits.of('admin', [{ name: 'x', rules: {} }])).toBeUndefined()
  })

  it('an empty list of what is allowed allows nothing', () => {
    const limits = limitsOf({ servers: { allow: [] } })
    expect(limits.refusal({ kind: 'server', name: 'github' })).toEqual({
      reason: 'server_not_allowed',
      by: 'the key "ci"',
      verdict: { by: 'the key "ci"', rule: 'servers', isAllowed: false, list: 'allow', pattern: undefined },
    })
    expect(limits.refusal(tool('get'))).toMatchObject({ reason: 'server_not_allowed' })
  })

  it('what is denied stays denied, whatever allows it', () => {
    const limits = limitsOf({ tools: { allow: ['*'], deny: ['github/delete_*', 'sudo'] } })
    expect(limits.refusal(tool('delete_repository'))).toMatchObject({ reason: 'tool_not_allowed' })
    expect(limits.refusal(tool('delete_page', 'wiki'))).toBeUndefined()
    expect(limits.refusal(tool('sudo', 'wiki'))).toMatchObject({ reason: 'tool_not_allowed' })
    expect(limits.refusal(tool('get_repository'))).toBeUndefined()
  })

  it('every rule must allow it', () => {
    const limits = AccessLimits.of('user', [
      { name: 'the tenant', rules: { servers: { allow: ['github', 'wiki'] } } },
      { name: 'the key "ci"', rules: { servers: { allow: ['git*'] } } },
    ])
    expect(limits?.refusal({ kind: 'server', name: 'github' })).toBeUndefined()
    expect(limits?.refusal({ kind: 'server', name: 'wiki' })).toMatchObject({ by: 'the key "ci"' })
    expect(limits?.refusal({ kind: 'server', name: 'gitlab' })).toMatchObject({ by: 'the tenant' })
  })

  it.each([true, false, undefined])('with the role readonly, a tool that is read-only: %s', (isReadOnly) => {
    const limits = AccessLimits.of('readonly', [])
    const refusal =
      isReadOnly === true ? undefined : { reason: 'tool_not_read_only', by: 'the role readonly' }
    const refused = limits?.refusal(tool('get', 'github', isReadOnly))
    expect(refused && { reason: refused.reason, by: refused.by }).toEqual(refusal)
    expect(limitsOf({ readOnlyTools: true }).refusal(tool('get', 'github', isReadOnly))?.reason).toBe(
      refusal?.reason,
    )
  })

  it('prompts, resources and toolsets have rules of their own', () => {
    const limits = limitsOf({
      prompts: { deny: ['github/*'] },
      resources: { allow: ['file:///public/*'] },
      toolsets: { allow: ['writers'] },
    })
    expect(limits.refusal({ kind: 'prompt', server: 'github', name: 'review' })?.reason).toBe(
      'prompt_not_allowed',
    )
    expect(limits.refusal({ kind: 'prompt', server: 'wiki', name: 'review' })).toBeUndefined()
    const read = (name: string) => limits.refusal({ kind: 'resource', server: 'files', name })?.reason
    expect([read('file:///public/a'), read('file:///private/a')]).toEqual([undefined, 'resource_not_allowed'])
    expect(limits.refusal({ kind: 'toolset', name: 'writers' })).toBeUndefined()
    expect(limits.refusal({ kind: 'toolset', name: 'others' })?.reason).toBe('toolset_not_allowed')
  })

  it('an argument must be what the rules want, and be there', () => {
    const limits = limitsOf({
      arguments: [{ tools: ['github/*'], argument: 'repository.owner', allow: ['acme', 'acme-*'] }],
    })
    const refused = (given: unknown) => limits.argumentRefusal('github', 'get', given)?.reason
    expect(refused({ repository: { owner: 'acme' } })).toBeUndefined()
    expect(refused({ repository: { owner: 'acme-labs' } })).toBeUndefined()
    for (const given of [
      { repository: { owner: 'evil' } },
      { repository: { owner: ['acme'] } },
      { repository: 'acme' },
      { 'repository.owner': 'acme' },
      JSON.parse('{"repository":{"__proto__":{"owner":"acme"}}}'),
      {},
      null,
      undefined,
    ])
      expect(refused(given)).toBe('argument_not_allowed')
    expect(limits.hasConditions('wiki', 'get')).toBe(false)
    expect(limits.argumentRefusal('wiki', 'get', {})).toBeUndefined()
  })

  it('says of each rule what it says, up to the first that refuses', () => {
    const limits = AccessLimits.of('readonly', [
      { name: 'the tenant', rules: { servers: { deny: ['wiki'] } } },
      { name: 'the key "ci"', rules: { tools: { allow: ['get_*', 'github/*'] } } },
    ])
    const verdicts = (name: string, server: string) =>
      limits
        ?.verdicts(tool(name, server, true))
        .map(({ by, rule, isAllowed, list, pattern }) => [by, rule, isAllowed, list, pattern])
    expect(verdicts('get_page', 'github')).toEqual([
      ['the tenant', 'servers', true, undefined, undefined],
      ['the key "ci"', 'tools', true, 'allow', 'get_*'],
      ['the role readonly', 'role', true, undefined, undefined],
    ])
    expect(verdicts('get_page', 'wiki')).toEqual([['the tenant', 'servers', false, 'deny', 'wiki']])
    expect(verdicts('put', 'mail')?.at(-1)).toEqual(['the key "ci"', 'tools', false, 'allow', undefined])
    for (const [name, server] of [
      ['get_page', 'github'],
      ['get_page', 'wiki'],
      ['put', 'mail'],
    ] as const)
      expect(limits?.verdicts(tool(name, server, true)).some(({ isAllowed }) => !isAllowed)).toBe(
        limits?.refusal(tool(name, server, true)) !== undefined,
      )
  })
})
