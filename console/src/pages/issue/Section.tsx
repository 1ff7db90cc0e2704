import type { ReactNode } from 'react'
import styles from './Section.module.css'

interface SectionProps {
  readonly title: string
  readonly end?: ReactNode
  readonly children: ReactNode
}

/** A part of the page with its heading. */
export function Section({ title, end, children }: SectionProps) {
  return (
    <section className={styles.section} aria-label={title}>
      <header>
        <h3>{title}</h3>
        {end}
      </header>
      {children}
    </section>
  )
}
