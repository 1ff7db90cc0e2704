interface MarkedProps {
  readonly text: string
  /** What is marked, wherever it stands. */
  readonly words: readonly string[]
  /** What is gone, or what stands in its place. */
  readonly as: 'del' | 'mark'
}

/** A text with some of it marked. */
export function Marked({ text, words, as: Tag }: MarkedProps) {
  const wanted = words.filter((word) => word !== '').sort((a, b) => b.length - a.length)
  if (wanted.length === 0) return text
  const pattern = wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text
    .split(new RegExp(`(${pattern})`))
    .map((piece, at) => (at % 2 === 1 ? <Tag key={at}>{piece}</Tag> : piece))
}
