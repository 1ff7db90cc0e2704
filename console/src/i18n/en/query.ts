/** What screens with queries have in common. */
export const query = {
  run: 'Run',
  format: 'Format query',
  formatFailed: 'The query cannot be formatted',
  history: 'History',
  historyEmpty: 'Queries you run are kept here, in this browser only.',
  historyClear: 'Clear history',
  examples: 'Examples',
  share: 'Copy link',
  shareCopied: 'Link copied',
  inspector: 'Query inspector',
  suggestion: 'Suggestion',
  elapsed: 'Round trip',
  bytes: 'Answer',
}
