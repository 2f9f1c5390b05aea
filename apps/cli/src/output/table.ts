import { printable } from './printable.ts'

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  /** Colours the text after it has been measured and cut. */
  readonly style?: ((text: string, row: Row) => string) | undefined
  /** May be cut when the terminal is too narrow. */
  readonly flexible?: boolean | undefined
}

const GAP = '  '
const NARROWEST = 12

/**
 * Rows as aligned text with a line of titles.
 *
 * @param width columns of the terminal; undefined never cuts anything, for a pipe or a file.
 */
export const table = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string => {
  const cells = rows.map((row) => columns.map(({ value }) => printable(value(row))))
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => lengthOf(line[index] ?? ''))),
  )
  if (width !== undefined) shrink(columns, widths, width)
  const titles = columns.map(({ title }, index) => pad(title, widths[index] ?? 0))
  const lines = cells.map((line, at) =>
    columns.map(({ style }, index) => {
      const text = line[index] ?? ''
      const space = widths[index] ?? 0
      const shown = cut(text, space)
      const padding = ' '.repeat(Math.max(0, space - lengthOf(shown)))
      const row = rows[at]
      return (style === undefined || row === undefined ? shown : style(shown, row)) + padding
    }),
  )
  return `${[titles, ...lines].map((line) => line.join(GAP).trimEnd()).join('\n')}\n`
}

const shrink = <Row>(columns: readonly Column<Row>[], widths: number[], width: number): void => {
  const gaps = GAP.length * (columns.length - 1)
  let excess = widths.reduce((sum, each) => sum + each, gaps) - width
  for (const [index, { flexible }] of columns.entries()) {
    if (flexible !== true || excess <= 0) continue
    const present = widths[index] ?? 0
    const given = Math.min(excess, Math.max(0, present - NARROWEST))
    widths[index] = present - given
    excess -= given
  }
}

const lengthOf = (text: string): number => Array.from(text).length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)))
const cut = (text: string, width: number): string =>
  lengthOf(text) <= width
    ? text
    : `${Array.from(text)
        .slice(0, Math.max(0, width - 1))
        .join('')}…`
