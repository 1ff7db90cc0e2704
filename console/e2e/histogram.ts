/** Native histograms as the delimited protocol buffers of the exposition format, by hand: a dozen fields. */

function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return [...out, rest]
}

const zigzag = (value: number): number[] => varint(value >= 0 ? value * 2 : -value * 2 - 1)
const number = (field: number, bytes: number[]): number[] => [...varint(field * 8), ...bytes]
const bytes = (field: number, body: number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(body.length),
  ...body,
]
const text = (field: number, value: string): number[] => bytes(field, [...new TextEncoder().encode(value)])

function double(field: number, value: number): number[] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value, true)
  return [...varint(field * 8 + 1), ...new Uint8Array(view.buffer)]
}

/** A histogram of schema 0: bucket i holds the values from 2 to the power i-1 to 2 to the power i. */
function histogram(firstBucket: number, counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const deltas = counts.flatMap((count, i) => zigzag(count - (counts[i - 1] ?? 0)))
  return [
    ...number(1, varint(total)),
    ...double(2, total * 2 ** firstBucket),
    ...number(5, zigzag(0)),
    ...double(6, 1e-9),
    ...number(7, varint(0)),
    ...bytes(12, [...number(1, zigzag(firstBucket)), ...number(2, varint(counts.length))]),
    ...bytes(13, deltas),
  ]
}

/** Pushes a native histogram that grows for some minutes up to now: most of it between a quarter and four seconds. */
export async function pushHistogram(url: string, name: string): Promise<void> {
  const step = 15_000
  const points = 40
  const end = Math.floor(Date.now() / step) * step
  const metrics = Array.from({ length: points }, (_, i) => {
    const n = i + 1
    const body = histogram(-2, [n, 4 * n, 9 * n + (i % 7), 5 * n, n, Math.floor(n / 5)])
    const label = [...text(1, 'job'), ...text(2, 'e2e')]
    return bytes(4, [...bytes(1, label), ...number(6, varint(end - (points - n) * step)), ...bytes(7, body)])
  })
  const family = [
    ...text(1, name),
    ...text(2, 'Durations of the end-to-end test.'),
    ...number(3, [4]),
    ...metrics.flat(),
  ]
  const response = await fetch(`${url}/api/v1/push/text`, {
    method: 'POST',
    body: new Uint8Array([...varint(family.length), ...family]),
    headers: {
      'content-type':
        'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    },
  })
  if (!response.ok) throw new Error(`push was refused: ${response.status} ${await response.text()}`)
}
