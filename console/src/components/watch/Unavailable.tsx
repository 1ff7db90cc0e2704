import { Skeleton } from '@mantine/core'
import { ApiError } from '@/api/http'
import { errorText } from '@/lib/serverError'
import { ErrorText } from './kit'

interface UnavailableProps {
  readonly error: Error | null
  /** What is said of a server that does not know what was asked for. */
  readonly missing: string
}

/** What stands in place of something that is not there yet, or cannot be had. */
export function Unavailable({ error, missing }: UnavailableProps) {
  if (error === null) return <Skeleton height={220} />
  const old = error instanceof ApiError && (error.kind === 'missing' || error.kind === 'malformed')
  return <ErrorText>{old && error.kind === 'missing' ? missing : errorText(error.message)}</ErrorText>
}
