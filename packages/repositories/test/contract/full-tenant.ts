import {
  ApiKeyRepository,
  AuditEventRepository,
  CapabilityRepository,
  EndpointProbeRepository,
  ExposedNameRepository,
  HealthCheckLog,
  IdempotencyKeyRepository,
  type NewApiKey,
  newEntityId,
  PolicyRepository,
  ToolsetRepository,
  UpstreamGrantRepository,
} from '../../src/index.ts'
import {
  POLICY,
  makeTenant,
  putSecret,
  type RegistryPool,
  remote,
  serverNamed,
  withServers,
} from './registry.ts'

/** What is in a tenant that has something in every table. */
export interface FullTenant {
  readonly tenantId: string
  readonly serverId: string
  readonly endpointId: string
  readonly keyId: string
  readonly lookupId: string
  readonly policyId: string
  readonly toolsetId: string
}

/** A key that nobody else has. */
export const newKey = (more: Partial<NewApiKey> = {}): NewApiKey => ({
  lookupId: newEntityId(),
  hash: Buffer.from('hash'),
  name: 'of a test',
  principalId: 'ann',
  role: 'user',
  ...more,
})

/** A tenant with something in every table. */
export const makeFullTenant = async (pool: RegistryPool): Promise<FullTenant> => {
  const tenantId = await makeTenant(pool)
  const made = await withServers(pool, tenantId, async (servers, session) => {
    const secretId = await putSecret(session)
    const { id: serverId, endpoints } = await servers.create(
      serverNamed('one', { title: `Of ${tenantId}`, tags: ['common'], endpoints: [remote({ secretId })] }),
    )
    await new UpstreamGrantRepository(session).put({
      serverId,
      principalId: 'local',
      issuer: 'https://login.example',
      ciphertext: Buffer.from('sealed'),
      keyId: 'key-1',
      expiresAt: undefined,
    })
    await new CapabilityRepository(session).observe(
      { serverId, scopeKey: '', kind: 'tool' },
      [{ name: 'echo', hash: 'hash', body: Buffer.from('{}') }],
      { onNew: 'accepted', onChange: 'changed' },
    )
    await new ExposedNameRepository(session).claim('tool', 'one', new Map([['echo', 'one__echo']]))
    const toolset = await new ToolsetRepository(session).create({
      slug: 'set',
      items: [{ effect: 'include', serverSlug: 'one' }],
    })
    const key = await new ApiKeyRepository(session).create(newKey())
    const policy = await new PolicyRepository(session).create({
      name: 'policy',
      subject: { kind: 'tenant', id: '' },
      rules: {},
    })
    await new AuditEventRepository(session).append([
      {
        id: newEntityId(),
        principalId: 'ann',
        action: 'server.create',
        objectId: serverId,
        outcome: 'success',
        requestId: undefined,
        details: {},
      },
    ])
    await new IdempotencyKeyRepository(session).begin({ principalId: 'ann', key: 'once' }, 'POST /servers')
    return {
      tenantId,
      serverId,
      endpointId: endpoints[0]?.id ?? '',
      keyId: key.id,
      lookupId: key.lookupId,
      policyId: policy.id,
      toolsetId: toolset.id,
    }
  })
  await pool.systemSession('set up a test', async (session) => {
    const probe = {
      endpointId: made.endpointId,
      status: 'healthy',
      era: 'modern',
      latencyMs: 1,
      message: undefined,
      probedAt: new Date(),
    } as const
    await new EndpointProbeRepository(session).record([probe], POLICY)
    await new HealthCheckLog(session).append([probe])
  })
  return made
}
