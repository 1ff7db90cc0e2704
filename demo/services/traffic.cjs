// Visitors: look around, put things into the cart, and mostly buy them. Every seventh has a card that is refused.
'use strict'

const products = ['tea', 'coffee', 'cocoa', 'mate', 'chai']
const pause = (ms) => new Promise((done) => setTimeout(done, ms))
const any = (list) => list[Math.floor(Math.random() * list.length)]
const refused = '4000000000000002'
const accepted = ['4242424242424242', '5555555555554444', '378282246310005']

async function send(method, path, body) {
  try {
    const headers = { 'content-type': 'application/json' }
    const request = { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10000) }
    const response = await fetch(process.env.SHOP + path, request)
    await response.arrayBuffer()
  } catch {
    // A visitor who gets no answer goes away.
  }
}

async function visit(number) {
  const visitor = `visitor-${number % 200}`
  await send('GET', `/?visitor=${visitor}`)
  await pause(200 + Math.random() * 800)
  for (let things = 1 + Math.floor(Math.random() * 3); things > 0; things--) {
    const product = any(products)
    await send('GET', `/product/${product}`)
    await send('POST', `/cart/${visitor}`, { product })
  }
  if (Math.random() < 0.8) await send('POST', `/checkout/${visitor}`, { card: number % 7 === 3 ? refused : any(accepted) })
}

const rate = Number(process.env.VISITORS_PER_SECOND)
let number = 0
setInterval(() => void visit(number++), 1000 / rate)
