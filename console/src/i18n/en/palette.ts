export const palette = {
  placeholder: 'Go to a screen, or look up a metric…',
  screens: 'Screens',
  actions: 'Actions',
  metrics: 'Metrics',
  empty: 'Nothing matches',
  toggleTheme: 'Switch between light and dark',
  switchLanguage: '切换到中文',
  hint: '↑↓ choose · Enter open · Esc close',
  openTrace: (id: string) => `Open trace ${id}`,
}
