import type { ReactNode } from 'react'
import type { Exchange } from '@/api/types'
import { useMessages } from '@/i18n'
import { formatSeconds, formatValue } from '@/lib/units'
import styles from './Inspection.module.css'

/** Requests as they were made, and what they cost. */
export function Inspection({ children }: { readonly children: ReactNode }) {
  const t = useMessages().query
  return (
    <section className={styles.inspector} aria-label={t.inspector}>
      {children}
    </section>
  )
}

interface InspectedExchangeProps {
  readonly name: string
  readonly exchange: Exchange
  /** Further facts beside those of the exchange. */
  readonly facts?: ReactNode
  readonly children?: ReactNode
}

export function InspectedExchange({ name, exchange, facts, children }: InspectedExchangeProps) {
  const t = useMessages().query
  return (
    <div className={styles.row}>
      <b className={styles.name}>{name}</b>
      <div className={styles.body}>
        <code className="mono">{decodeURIComponent(exchange.url.replaceAll('+', ' '))}</code>
        <dl>
          <Fact name={t.elapsed} value={formatSeconds(exchange.elapsedMs / 1000)} />
          <Fact name={t.bytes} value={formatValue(exchange.bytes, 'bytes')} />
          {facts}
        </dl>
        {children}
      </div>
    </div>
  )
}

export function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
