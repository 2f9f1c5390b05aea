import type { ToolsetItem, ToolsetRecord } from '@mreg/repositories'

import type { OfferSize } from '../catalog/offer-size.ts'

/** A toolset as the API shows it. */
export interface ToolsetView extends Omit<ToolsetRecord, 'tenantId' | 'createdAt' | 'updatedAt' | 'items'> {
  readonly createdAt: string
  readonly updatedAt: string
  readonly items: ToolsetItem[]
  /** How much it offers, as far as the gateway that answers has it in memory; undefined: not known. */
  readonly offer?: OfferSize | undefined
}

export const toolsetView = ({ tenantId: _tenant, ...toolset }: ToolsetRecord): ToolsetView => ({
  ...toolset,
  createdAt: toolset.createdAt.toISOString(),
  updatedAt: toolset.updatedAt.toISOString(),
  items: [...toolset.items],
})
