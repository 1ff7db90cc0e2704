import { CodeBlock } from '@/components/CodeBlock'
import { useConfigFile } from '@/state/configFile'
import { useWords } from './words'

/** What is done once the configuration file says more. */
export function AfterChange({ extra = [] }: { readonly extra?: readonly string[] }) {
  const w = useWords()
  const file = useConfigFile()
  const commands = [
    ...extra,
    `watchfire check config ${file}`,
    `curl -X POST ${window.location.origin}/-/reload`,
  ]
  return (
    <>
      <p>{w.configured}</p>
      <CodeBlock text={commands.join('\n')} language="text" />
    </>
  )
}
