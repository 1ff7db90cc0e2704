import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, placeholder } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react'
import { editorExtensions, markError } from './editorExtensions'
import styles from './CodeEditor.module.css'

export interface EditorHandle {
  /** Puts text in place of the selection and leaves the cursor behind it. */
  readonly insert: (text: string) => void
  readonly focus: () => void
}

interface CodeEditorProps {
  /** Colours, completion and hints; the same value as long as they do not change. */
  readonly language: Extension
  readonly value: string
  readonly onChange: (text: string) => void
  readonly onRun: () => void
  readonly label: string
  readonly hint: string
  /** Characters to underline as wrong. */
  readonly error: { readonly from: number; readonly to: number } | null
  readonly handle: Ref<EditorHandle>
  /** A text of many lines: Enter begins another one. */
  readonly document?: boolean
}

/** The editor of queries and of configuration, in all languages of the console. */
export function CodeEditor(props: CodeEditorProps) {
  const { language, value, onChange, onRun, label, hint, error, handle, document = false } = props
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const hintPart = useRef(new Compartment())
  const latest = useRef({ onChange, onRun, value, hint })
  useEffect(() => {
    latest.current = { onChange, onRun, value, hint }
  })

  useEffect(() => {
    const parent = host.current
    if (parent === null) return undefined
    const actions = {
      run: () => latest.current.onRun(),
      change: (text: string) => latest.current.onChange(text),
    }
    const extensions = editorExtensions(label, actions, document)
    const state = EditorState.create({
      doc: latest.current.value,
      extensions: [...extensions, language, hintPart.current.of(placeholder(latest.current.hint))],
    })
    const created = new EditorView({ state, parent })
    view.current = created
    return () => {
      view.current = null
      created.destroy()
    }
  }, [language, label, document])

  useEffect(() => {
    view.current?.dispatch({ effects: hintPart.current.reconfigure(placeholder(hint)) })
  }, [hint])

  useEffect(() => {
    const editor = view.current
    if (editor === null || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  const from = error?.from ?? -1
  const to = error?.to ?? -1
  useEffect(() => {
    const editor = view.current
    if (editor === null) return
    const end = editor.state.doc.length
    editor.dispatch({
      effects: markError.of(from < 0 ? null : { from: Math.min(from, end), to: Math.min(to, end) }),
    })
  }, [from, to])

  useImperativeHandle(handle, () => ({
    insert: (text) => {
      const editor = view.current
      if (editor === null) return
      editor.dispatch(editor.state.replaceSelection(text))
      editor.focus()
    },
    focus: () => view.current?.focus(),
  }))
  return <div ref={host} className={styles.editor} data-document={document || undefined} />
}
