/** What of hashring the bench uses: it ships no types of its own. */
declare module 'hashring' {
  export default class HashRing {
    constructor(servers: readonly string[])
    get(key: string): string
  }
}
