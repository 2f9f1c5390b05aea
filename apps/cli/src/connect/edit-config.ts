import { applyEdits, type FormattingOptions, type JSONPath, modify } from 'jsonc-parser'

/** A change of one place in a file. */
export interface ConfigChange {
  readonly path: JSONPath
  /** undefined takes it out. */
  readonly value: unknown
}

/** `text` with the changes made, and everything else as it was: comments, order, indentation, line ends. */
export const editConfig = (text: string, changes: readonly ConfigChange[]): string => {
  const formattingOptions = formattingOf(text)
  let edited = text.trim() === '' ? '{}' : text
  for (const { path, value } of changes)
    edited = applyEdits(edited, modify(edited, path, value, { formattingOptions }))
  return edited
}

const formattingOf = (text: string): FormattingOptions => {
  const indent = /^([\t ]+)\S/mu.exec(text)?.[1] ?? '  '
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  }
}
