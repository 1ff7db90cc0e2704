import { IconCopy, IconMinus, IconPlus } from '@tabler/icons-react'
import { useEffect, useState, type RefObject } from 'react'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import styles from './SelectionMenu.module.css'

interface SelectionMenuProps {
  readonly within: RefObject<HTMLElement | null>
  readonly onText: (text: string, op: '|=' | '!=') => void
}

interface Selected {
  readonly text: string
  readonly x: number
  readonly y: number
}

const textMax = 500

/** Text that is selected in a line can be searched for, or left out. */
export function SelectionMenu({ within, onText }: SelectionMenuProps) {
  const l = useMessages('logs').logs
  const t = useMessages().common
  const copy = useCopy()
  const [selected, setSelected] = useState<Selected | null>(null)
  useEffect(() => {
    const up = () => {
      const selection = window.getSelection()
      const text = selection?.toString().trim() ?? ''
      const node = selection?.anchorNode ?? null
      const inLine = (node instanceof Element ? node : node?.parentElement)?.closest('code') != null
      const usable = text !== '' && text.length <= textMax && !text.includes('\n') && inLine
      const box = selection?.rangeCount === 1 ? selection.getRangeAt(0).getBoundingClientRect() : undefined
      if (!usable || box === undefined || within.current?.contains(node) !== true) setSelected(null)
      else setSelected({ text, x: box.left + box.width / 2, y: box.top })
    }
    const down = (event: MouseEvent) => {
      if (!(event.target instanceof Element) || event.target.closest(`.${styles.menu ?? ''}`) === null)
        setSelected(null)
    }
    document.addEventListener('mouseup', up)
    document.addEventListener('mousedown', down)
    return () => {
      document.removeEventListener('mouseup', up)
      document.removeEventListener('mousedown', down)
    }
  }, [within])
  if (selected === null) return null
  const done = (act: () => void) => () => {
    act()
    setSelected(null)
    window.getSelection()?.removeAllRanges()
  }
  return (
    <div className={styles.menu} style={{ left: selected.x, top: selected.y }}>
      <button type="button" onClick={done(() => onText(selected.text, '|='))}>
        <IconPlus size={13} aria-hidden /> {l.textFor}
      </button>
      <button type="button" onClick={done(() => onText(selected.text, '!='))}>
        <IconMinus size={13} aria-hidden /> {l.textOut}
      </button>
      <button type="button" aria-label={t.copy} onClick={done(() => void copy(selected.text))}>
        <IconCopy size={13} aria-hidden />
      </button>
    </div>
  )
}
