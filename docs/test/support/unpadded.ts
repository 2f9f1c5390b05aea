/** `markdown` without the spaces with which the formatter pads the cells of tables: what is in them counts. */
export const unpadded = (markdown: string): string =>
  markdown.replaceAll(/ *\| */gu, '|').replaceAll(/-{3,}/gu, '---')
