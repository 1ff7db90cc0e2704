import { useScreenKeys } from '@/components/useScreenKeys'

interface Walk<Item> {
  readonly items: readonly Item[]
  readonly keyOf: (item: Item) => string
  readonly open: string | undefined
  readonly onOpen: (key: string | undefined) => void
  /** Other keys, with the one that is open. */
  readonly onKey?: (key: string, item: Item | undefined) => boolean
}

/** `j` and `k` open the next and the previous, `x` and `Escape` close. */
export function useWalk<Item>({ items, keyOf, open, onOpen, onKey }: Walk<Item>): void {
  useScreenKeys((key) => {
    const at = items.findIndex((item) => keyOf(item) === open)
    const step = (by: number) => {
      const next = items[at < 0 ? 0 : Math.min(Math.max(at + by, 0), items.length - 1)]
      if (next !== undefined) onOpen(keyOf(next))
      return next !== undefined
    }
    switch (key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'x':
      case 'Escape':
        if (open === undefined) return false
        onOpen(undefined)
        return true
      default:
        return onKey?.(key, items[at]) ?? false
    }
  })
}
