import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { OfferedCapability } from './capability.ts'

/** Definitions that one statement stores at most. */
const ROWS_PER_STATEMENT = 1_000

/** Bytes of definitions that one statement stores, unless one alone has more. */
const BYTES_PER_STATEMENT = 4_194_304

/** Stores the definitions that are not there yet. The tenant is locked. */
export const storeDefinitions = async (
  { kysely, tenantId }: TenantSession<RegistryDatabase>,
  offered: readonly OfferedCapability[],
): Promise<void> => {
  const bodies = new Map(offered.map(({ hash, body }) => [hash, body]))
  const known = await kysely
    .selectFrom('definitions')
    .select('hash')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`hash = any(${[...bodies.keys()]}::text[])`)
    .execute()
  for (const { hash } of known) bodies.delete(hash)
  for (const batch of batches(bodies)) {
    // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
    await kysely
      .insertInto('definitions')
      .values(batch.map(([hash, body]) => ({ tenant_id: tenantId, hash, body })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

function* batches(bodies: ReadonlyMap<string, Uint8Array>): Generator<(readonly [string, Uint8Array])[]> {
  let batch: (readonly [string, Uint8Array])[] = []
  let bytes = 0
  for (const entry of bodies) {
    const isFull = batch.length === ROWS_PER_STATEMENT || bytes + entry[1].byteLength > BYTES_PER_STATEMENT
    if (batch.length > 0 && isFull) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(entry)
    bytes += entry[1].byteLength
  }
  if (batch.length > 0) yield batch
}
