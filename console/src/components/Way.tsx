import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

interface WayProps {
  readonly to: '/logs' | '/explore' | '/traces'
  /** What the address of the other screen says. */
  readonly search: Readonly<Record<string, string | readonly string[]>>
  readonly icon: ReactNode
  readonly children: string
}

/** A way from what is shown here to the same in another signal. */
export function Way({ to, search, icon, children }: WayProps) {
  return (
    <Button
      variant="default"
      leftSection={icon}
      renderRoot={(props) => <Link {...props} to={to} search={search as never} />}
    >
      {children}
    </Button>
  )
}

interface TraceWayProps {
  readonly id: string
  /** The span that is opened; none if empty. */
  readonly span: string
  readonly icon: ReactNode
  readonly children: string
}

/** The way to one trace. */
export function TraceWay({ id, span, icon, children }: TraceWayProps) {
  return (
    <Button
      variant="default"
      leftSection={icon}
      renderRoot={(props) => (
        <Link {...props} to="/traces/$id" params={{ id }} search={span === '' ? {} : { span }} />
      )}
    >
      {children}
    </Button>
  )
}
