import { lazy, Suspense, type ComponentProps } from 'react'
import type { MenuAt } from './MenuAt'

export const loadMenu = () => import('./MenuAt')
const Lazy = lazy(() => loadMenu().then((m) => ({ default: m.MenuAt })))

interface ChoicesProps extends Omit<ComponentProps<typeof MenuAt>, 'at'> {
  /** None while it is closed. */
  readonly at: DOMRect | null
}

/** The menu of a control of the top bar (`useDropdown`). */
export function Choices({ at, ...menu }: ChoicesProps) {
  return <Suspense>{at !== null && <Lazy at={at} {...menu} />}</Suspense>
}
