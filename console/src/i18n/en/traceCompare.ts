import { counted } from './plural'
import type { DiffState } from '@/lib/trace/diff'

/** Two traces, or groups of spans. */
export const traceCompare = {
  title: 'Compare traces',
  mode: 'What is compared',
  two: 'Two traces',
  groups: 'Groups of spans',
  first: 'First trace (A)',
  second: 'Second trace (B)',
  idHint: 'Id of a trace',
  idInvalid: 'An id has 16 or 32 hexadecimal digits',
  exchange: 'Exchange',
  chooseTitle: 'Choose two traces',
  chooseHint:
    'Tick two in the search, use “Compare with…” on a trace, or paste ids above. What both did is shown as one tree.',
  others: 'Traces with the same root; choose one to compare with',
  noOthers: 'There are no others with this root in the range. Widen it, or paste an id.',
  diff: 'Paths of both traces',
  path: 'Service and operation',
  change: 'Change',
  counts: (n: Readonly<Record<DiffState, number>>) =>
    `${n.slower} slower · ${n.faster} faster · ${n.added} added · ${n.missing} missing · ${n.same} alike${n.failed > 0 ? ` · ${n.failed} failed differently` : ''}`,
  onlyDifferent: 'Only what differs',
  noDifference: 'Nothing differs worth telling.',
  states: { added: 'added', missing: 'missing' },
  times: (n: number) => `×${n}`,
  withErrors: (n: number) => (n === 1 ? '1 failed' : `${n} failed`),
  fold: (name: string) => `Fold ${name}`,
  unfold: (name: string) => `Unfold ${name}`,
  base: 'Spans (TraceQL)',
  selection: 'Compare those of them that match this filter',
  run: 'Compare',
  sizes: (selected: string, all: string) => `${selected} of ${counted(all, 'span')} match the filter`,
  inSelection: 'share among them',
  inBaseline: 'share among the others',
  attributes: 'Attributes, the most telling first',
  nothingApart:
    'No attribute is distributed differently: what sets them apart is not in the spans themselves.',
  onlyTelling: 'Only what tells',
  showAll: (n: number) => (n === 1 ? 'Show 1 more that tells nothing' : `Show ${n} more that tell nothing`),
  scoreHelp: 'How different the distribution of its values is: 100 % where no value is in both groups',
  tooMany: (n: string) => `${n} different values; hardly one comes twice`,
  moreValues: (n: number) => `and ${n} more`,
  shares: (selection: string, baseline: string) => `${selection} among them, ${baseline} among the others`,
  tracesWith: (field: string, value: string) => `Spans with ${field} = ${value}`,
  without: (field: string, value: string) => `Compare without ${field} = ${value}`,
  noSelection: 'No span matches the filter',
  noBaseline: 'All spans match the filter',
  oneGroup:
    'For a comparison both groups need spans in the range: change the filter, the query or the range.',
}
