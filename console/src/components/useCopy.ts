import { useMessages } from '@/i18n'
import { say } from '@/state/toasts'

/** Copies text and says so; a page served without TLS may not use the clipboard, so there is a second way. */
export function useCopy(): (text: string, done?: string) => Promise<void> {
  const t = useMessages()
  return async (text, done = t.common.copied) => {
    try {
      await navigator.clipboard.writeText(text)
      say(done)
    } catch {
      if (copyBySelection(text)) say(done)
      else say(t.common.copyFailed, 'bad')
    }
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on a page without TLS
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}
