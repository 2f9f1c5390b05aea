import type { FoundGateway } from '../gateway-client/find-gateway.ts'

/** Where the gateway is, for as long as it is there; looked for again when it is lost. */
export class GatewayConnection {
  readonly #ensure: () => Promise<FoundGateway>
  #present: Promise<FoundGateway> | undefined

  /** @param ensure finds the gateway, or starts one. */
  constructor(ensure: () => Promise<FoundGateway>) {
    this.#ensure = ensure
  }

  /** The gateway. All who ask while it is looked for share one search; a search that failed is not remembered. */
  async current(): Promise<FoundGateway> {
    const present = (this.#present ??= this.#ensure())
    try {
      return await present
    } catch (error) {
      if (this.#present === present) this.#present = undefined
      throw error
    }
  }

  /** Says that a gateway does not answer any more. What was found since stays. */
  async lost(gateway: FoundGateway): Promise<void> {
    const present = this.#present
    if (
      present !== undefined &&
      (await present.catch(() => gateway)) === gateway &&
      this.#present === present
    )
      this.#present = undefined
  }
}
