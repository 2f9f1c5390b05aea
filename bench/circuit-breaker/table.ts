/** Prints rows under a heading, the first column to the left and the others to the right. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((text, column) =>
    Math.max(text.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
  console.log(`\n${title}\n`)
  console.log(line(head))
  console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const row of rows) console.log(line(row))
}

export const nanoseconds = (value: number): string => value.toFixed(1)
export const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)}x`
export const bytes = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ')
