/** One number, and what it is about. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly value: number
  /** For the parts of a histogram: what comes after the name of the family. */
  readonly suffix?: '_bucket' | '_sum' | '_count' | undefined
}

/** Numbers of one kind, read when they are asked for. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: Iterable<Sample>
}

/** A family of one number. */
export const single = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: number,
): MetricFamily => ({
  name,
  help,
  type,
  samples: [{ value }],
})

/**
 * Families in the text format of Prometheus, version 0.0.4.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export const expositionOf = (families: Iterable<MetricFamily>): string => {
  const lines: string[] = []
  for (const { help, name, samples, type } of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const { labels = {}, suffix = '', value } of samples) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
      lines.push(`${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
