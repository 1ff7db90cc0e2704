// What somebody might like, too. It knows too little about some visitors and fails for them: an error that is nobody's
// emergency.
'use strict'

const telemetry = require('./telemetry.cjs').start('recommendation', process.env.VERSION)
const { serve } = require('./web.cjs')

const goesWith = { tea: { next: 'chai' }, coffee: { next: 'cocoa' }, cocoa: { next: 'coffee' }, mate: { next: 'tea' } }

async function recommend({ visitor }) {
  const popular = await (await fetch(`${process.env.CART}/popular`)).json()
  if (visitor?.endsWith('7')) popular.push('a gift')
  const chosen = [...new Set(popular.flatMap((name) => (name === 'chai' ? [name] : [name, goesWith[name].next])))]
  telemetry.log('INFO', `${chosen.length} products for ${visitor}`, { products: chosen })
  return [200, chosen]
}

serve({ 'GET /recommend': recommend }, telemetry)
