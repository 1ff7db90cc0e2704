import {
  createTheme,
  type ActionIcon,
  type Button,
  type MantineColorsTuple,
  type Modal,
  type Popover,
  type SegmentedControl,
  type Tooltip,
} from '@mantine/core'

/** What a component's own `extend` takes; calling that would bring the component into every visit. */
type Look<C extends { extend: (look: never) => unknown }> = Parameters<C['extend']>[0]

const ember: MantineColorsTuple = [
  '#fff1e6',
  '#ffdfc9',
  '#fcc19a',
  '#f8a168',
  '#f4863f',
  '#f07426',
  '#e5651a',
  '#cc5410',
  '#b3480c',
  '#973a05',
]

/** Greys with a little warmth, as of stone beside a fire; index 0 is text on dark, 9 the deepest ground. */
const stone: MantineColorsTuple = [
  '#ece7e1',
  '#cfc8c0',
  '#a8a098',
  '#857d75',
  '#4d4742',
  '#38332f',
  '#2a2623',
  '#1d1a18',
  '#161412',
  '#100e0d',
]

/** The same warmth for greys on light ground. */
const sand: MantineColorsTuple = [
  '#faf8f5',
  '#f3efe9',
  '#e9e3da',
  '#dcd4c9',
  '#c9bfb2',
  '#a89d8f',
  '#83786b',
  '#5f564c',
  '#453d35',
  '#2b2520',
]

const systemFonts =
  'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif'

export const theme = createTheme({
  primaryColor: 'ember',
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  colors: { ember, dark: stone, gray: sand },
  fontFamily: `"Inter Variable", ${systemFonts}`,
  fontFamilyMonospace: '"JetBrains Mono Variable", ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: '600' },
  defaultRadius: 'md',
  radius: { md: '6px', lg: '10px' },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } } satisfies Look<typeof ActionIcon>,
    Button: { defaultProps: { size: 'xs' } } satisfies Look<typeof Button>,
    Modal: {
      styles: {
        content: { background: 'var(--wf-panel)' },
        header: { background: 'var(--wf-panel)' },
        title: { fontWeight: 600 },
      },
    } satisfies Look<typeof Modal>,
    SegmentedControl: {
      defaultProps: { withItemsBorders: false },
      styles: {
        root: { background: 'var(--wf-panel)', border: '1px solid var(--wf-line)' },
        indicator: { background: 'var(--wf-accent-soft)', boxShadow: 'none' },
      },
    } satisfies Look<typeof SegmentedControl>,
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true, fz: 'xs' } } satisfies Look<typeof Tooltip>,
    Popover: { defaultProps: { shadow: 'md' } } satisfies Look<typeof Popover>,
  },
})
