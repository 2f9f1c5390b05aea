/**
 * `text` on one line and without control characters: what a server says of itself must not move the cursor or colour
 * the terminal of who reads it.
 */
export const printable = (text: string): string =>
  text
    .replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/gu, ' ')
    // oxlint-disable-next-line no-control-regex -- they are what is taken out
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()

/** The same for text of several lines, whose line breaks stay. */
export const printableLines = (text: string): string => text.split(/\r?\n/u).map(printableLine).join('\n')

const printableLine = (line: string): string => {
  const indent = /^ */u.exec(line)?.[0] ?? ''
  return indent + printable(line)
}
