// What visitors see: asks the other services and puts pages together.
'use strict'

const telemetry = require('./telemetry.cjs').start('shop', process.env.VERSION)
const { randomUUID } = require('node:crypto')
const Sentry = require('@sentry/node')
const { serve } = require('./web.cjs')

const { CART, PAYMENT, RECOMMENDATION } = process.env
const prices = { tea: 4.5, coffee: 6.2, cocoa: 3.9, mate: 5.1, chai: 4.8 }
const checkouts = telemetry.meter.createCounter('shop.checkouts', { description: 'Checkouts by how they ended' })

class CheckoutFailed extends Error {
  name = 'CheckoutFailed'
  status = 502
}

async function ask(url, method = 'GET', body = undefined) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(5000) })
  const text = await response.text()
  return { status: response.status, value: text === '' ? undefined : JSON.parse(text) }
}

async function home({ visitor }) {
  const { status, value } = await ask(`${RECOMMENDATION}/recommend?visitor=${visitor}`)
  if (status !== 200) telemetry.log('WARN', `no recommendations for ${visitor}: ${status}`)
  return [200, { products: prices, recommended: status === 200 ? value : [] }]
}

async function product({ name }) {
  if (!(name in prices)) return [404, { error: `we do not sell ${name}` }]
  return [200, { name, price: prices[name] }]
}

async function put({ visitor }, { product }) {
  const { status } = await ask(`${CART}/carts/${visitor}`, 'POST', { product, price: prices[product] })
  return [status, {}]
}

async function checkout({ visitor }, { card }) {
  Sentry.setUser({ id: visitor })
  const order = randomUUID().slice(0, 8)
  const { value: items } = await ask(`${CART}/carts/${visitor}`)
  const amount = items.reduce((sum, item) => sum + item.price, 0)
  const paid = await ask(`${PAYMENT}/charges`, 'POST', { order, visitor, card, amount, items: items.length })
  const result = paid.value.result ?? 'failed'
  checkouts.add(1, { result })
  if (result === 'failed') {
    throw new CheckoutFailed(`order ${order} was not paid: payment answered ${paid.status}, ${paid.value.error}`)
  }
  if (result === 'paid') await ask(`${CART}/carts/${visitor}`, 'DELETE')
  telemetry.log('INFO', `order ${order} of ${visitor} is ${result}`, { 'order.id': order, 'order.amount': amount })
  return [paid.status, { order, result }]
}

serve(
  {
    'GET /': home,
    'GET /product/:name': product,
    'POST /cart/:visitor': put,
    'POST /checkout/:visitor': checkout,
  },
  telemetry,
)
