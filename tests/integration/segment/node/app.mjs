// An app instrumented with Segment's own library for Node, unmodified: only host and write key are ours.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 20, flushAt: 5 })
const failed = []
analytics.on('error', (error) => failed.push(String(error.reason ?? error)))

analytics.identify({ userId: 'shop-17', traits: { name: 'Ada Moreau', email: 'ada@example.com', plan: 'pro' } })
for (let number = 0; number < 12; number += 1) {
  analytics.track({ userId: 'shop-17', event: 'feature_enabled', properties: { number, share: 0.5 } })
}
analytics.track({
  userId: 'shop-17', event: 'Order Completed', properties: { total: 99.5 }, timestamp: new Date('2026-06-07T10:30:00Z')
})
analytics.track({ anonymousId: 'visitor', event: 'seen' })
analytics.page({ userId: 'shop-17', name: 'Pricing' })
await analytics.closeAndFlush({ timeout: 60000 })
console.log(JSON.stringify({ failed }))
