import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { formatQuery } from '@/api/query'
import { promqlPieces } from '@/lib/promqlPieces'
import styles from './ExprText.module.css'

/** An expression in colours, on one line or as the server formats it. */
export function ExprText({ expr, line = false }: { readonly expr: string; readonly line?: boolean }) {
  const formatted = useQuery({
    queryKey: ['format', expr],
    enabled: !line,
    staleTime: Infinity,
    retry: false,
    queryFn: ({ signal }) => formatQuery(expr, signal),
  })
  const text = line ? expr.replace(/\s+/g, ' ') : (formatted.data ?? expr)
  const pieces = useMemo(() => promqlPieces(text), [text])
  const code = pieces.map(({ text: piece, kind }, at) => (
    <span key={at} data-kind={kind}>
      {piece}
    </span>
  ))
  return line ? (
    <code className={styles.line}>{code}</code>
  ) : (
    <pre className={styles.block} tabIndex={0}>
      <code>{code}</code>
    </pre>
  )
}
