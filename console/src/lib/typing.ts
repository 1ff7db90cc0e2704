/** Inputs that no text is typed into. */
const chosen = new Set(['checkbox', 'radio', 'button', 'range'])

/** Whether keys belong to a field that text is typed into. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLInputElement) return !chosen.has(target.type)
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)
}
