import { literalsInOrder } from './literals-in-order.ts'

/** Longest template that is matched; a longer one matches nothing. */
const MAX_TEMPLATE_LENGTH = 2048

/**
 * Tells whether a URI may have been made from a URI template (RFC 6570). What an expression can expand to is taken
 * widely: the server has the last word. Linear in the URI and the template, whatever they are.
 */
export const templateMatcher = (template: string): ((uri: string) => boolean) =>
  template.length > MAX_TEMPLATE_LENGTH ? () => false : literalsInOrder(template.split(/\{[^{}]*\}/u))
