import { Button } from '@mantine/core'
import { IconExternalLink } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { RuleLanguage } from '@/api/alerting'
import { useMessages } from '@/i18n'

interface ExploreLinkProps {
  readonly language: RuleLanguage
  readonly expr: string
  /** What is shown of series, if not the expression alone. */
  readonly queries?: string[]
}

/** Where people look into what an expression gives: each language has a screen of its own. */
export function ExploreLink({ language, expr, queries }: ExploreLinkProps) {
  const t = useMessages('alerts')
  return (
    <Button
      variant="default"
      leftSection={<IconExternalLink size={15} />}
      renderRoot={(props) => {
        if (language === 'logql') return <Link {...props} to="/logs" search={{ q: expr }} />
        if (language === 'traceql') return <Link {...props} to="/traces" search={{ q: expr }} />
        return <Link {...props} to="/explore" search={{ q: queries ?? [expr] }} />
      }}
    >
      {language === 'promql' ? t.alerts.detail.explore : t.alerts.rules.lookInto[language]}
    </Button>
  )
}
