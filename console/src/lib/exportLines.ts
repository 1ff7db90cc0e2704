import { fieldOf, type LogLine } from './logLine'
import { msOf, type Nanos } from './nanos'

export type ExportFormat = 'csv' | 'ndjson'

export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv;charset=utf-8',
  ndjson: 'application/x-ndjson',
}

/** RFC 3339 with all nine digits, in UTC. */
export function isoNanos(ns: Nanos): string {
  const fraction = (BigInt(ns) % 1_000_000_000n).toString().padStart(9, '0')
  return `${new Date(msOf(ns)).toISOString().slice(0, 19)}.${fraction}Z`
}

/** A cell as RFC 4180 has it. */
function cell(value: string): string {
  // Spreadsheets run what begins like a formula; an apostrophe makes it text.
  const safe = /^[=+@\t\r]/.test(value) || /^-[^\d]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe
}

/** All names of fields that some lines have, those of streams first. */
export function fieldNames(lines: readonly LogLine[]): string[] {
  const groups = [new Set<string>(), new Set<string>(), new Set<string>()] as const
  for (const line of lines) {
    for (const name of Object.keys(line.stream)) groups[0].add(name)
    for (const name of Object.keys(line.structured)) groups[1].add(name)
    for (const name of Object.keys(line.parsed)) groups[2].add(name)
  }
  return [...new Set(groups.flatMap((names) => [...names].sort()))]
}

/** A table: time, level, the columns that were chosen or else all fields, and the line. */
export function toCsv(lines: readonly LogLine[], columns: readonly string[]): string {
  const names = columns.length === 0 ? fieldNames(lines) : columns
  const rows = lines.map((line) => [
    isoNanos(line.ns),
    line.level,
    ...names.map((name) => fieldOf(line, name) ?? ''),
    line.text,
  ])
  return [['time', 'level', ...names, 'line'], ...rows]
    .map((row) => row.map(cell).join(',') + '\r\n')
    .join('')
}

/** A JSON document per line, with everything that is known of it. */
export function toNdjson(lines: readonly LogLine[]): string {
  return lines
    .map(({ ns, level, text, stream, structured, parsed }) => {
      const some = (labels: object) => (Object.keys(labels).length === 0 ? undefined : labels)
      const document = {
        time: isoNanos(ns),
        level,
        line: text,
        stream,
        attributes: some(structured),
        parsed: some(parsed),
      }
      return `${JSON.stringify(document)}\n`
    })
    .join('')
}

export const exported = (
  format: ExportFormat,
  lines: readonly LogLine[],
  columns: readonly string[],
): string => (format === 'csv' ? toCsv(lines, columns) : toNdjson(lines))
