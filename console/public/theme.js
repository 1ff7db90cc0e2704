// Runs before the first paint, so that the page never flashes in the other theme. A file of its own, because the
// content security policy forbids inline scripts.
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('mantine-color-scheme-value')
  } catch (e) {
    chosen = null
  }
  var dark = window.matchMedia('(prefers-color-scheme: dark)').matches
  var scheme = chosen === 'light' || chosen === 'dark' ? chosen : dark ? 'dark' : 'light'
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme)
  document.documentElement.style.background = scheme === 'dark' ? '#131110' : '#f7f4f0'
})()
