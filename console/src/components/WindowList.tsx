import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import styles from './WindowList.module.css'

interface WindowListProps<Item> {
  readonly label: string
  readonly items: readonly Item[]
  readonly itemKey: (item: Item) => string
  /** Pixels it takes, its distance to the next included. */
  readonly size: (item: Item) => number
  /** The key of what is brought into view when it changes. */
  readonly chosen: string | null
  /** Called when fewer than this many items are left below those that are drawn. */
  readonly ahead?: number
  readonly onEnd?: () => void
  readonly children: (item: Item) => ReactNode
}

/** A list that scrolls with the page and draws only what is in view, so that ten thousand are as quick as ten. */
export function WindowList<Item>(props: WindowListProps<Item>) {
  const { label, items, itemKey, size, chosen, ahead = 0, onEnd, children } = props
  const host = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  useLayoutEffect(() => {
    const top = host.current === null ? 0 : host.current.getBoundingClientRect().top + window.scrollY
    setMargin(Math.round(top))
  }, [items.length])
  const virtual = useWindowVirtualizer({
    count: items.length,
    estimateSize: (index) => {
      const item = items[index]
      return item === undefined ? 0 : size(item)
    },
    getItemKey: (index) => {
      const item = items[index]
      return item === undefined ? index : itemKey(item)
    },
    overscan: 10,
    scrollMargin: margin,
  })
  // Sizes depend on what stands where.
  useEffect(() => virtual.measure(), [items, virtual])
  const drawn = virtual.getVirtualItems().at(-1)?.index ?? 0
  const nearEnd = onEnd !== undefined && items.length > 0 && drawn >= items.length - 1 - ahead
  const ending = useRef(onEnd)
  useEffect(() => {
    ending.current = onEnd
  })
  useEffect(() => {
    if (nearEnd) ending.current?.()
  }, [nearEnd, items.length, drawn])
  const seen = useRef(chosen)
  useEffect(() => {
    if (chosen === null || seen.current === chosen) return
    seen.current = chosen
    const index = items.findIndex((item) => itemKey(item) === chosen)
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' })
  }, [chosen, items, itemKey, virtual])
  return (
    <div
      ref={host}
      className={styles.list}
      role="list"
      aria-label={label}
      style={{ height: virtual.getTotalSize() }}
    >
      {virtual.getVirtualItems().map((place) => {
        const item = items[place.index]
        if (item === undefined) return null
        return (
          <div
            key={place.key}
            className={styles.place}
            role="listitem"
            aria-setsize={items.length}
            aria-posinset={place.index + 1}
            style={{ height: place.size, transform: `translateY(${place.start - margin}px)` }}
          >
            {children(item)}
          </div>
        )
      })}
    </div>
  )
}
