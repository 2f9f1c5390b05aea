/** Methods that change nothing. */
const REPEATABLE =
  /^(initialize|ping|server\/discover|completion\/complete|(tools|prompts|resources|resources\/templates)\/list|(prompts\/get|resources\/read))$/u

/** Whether a request of that method may be executed twice; undefined: it is a response, and may not. */
export const isRepeatable = (method: string | undefined): boolean =>
  method !== undefined && REPEATABLE.test(method)
