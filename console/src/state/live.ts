/** The one live feed of this window, and re-reading what a page shows when it says so. */

import { onBeforeUnmount, onMounted, ref } from 'vue'
import { apiUrl, signedOutByServer } from '../api/client'
import { LiveFeed, type LiveItem } from '../api/live'

export const connected = ref(false)

export const feed = new LiveFeed(
  () => new WebSocket(apiUrl('live').replace(/^http/, 'ws')),
  (value) => (connected.value = value),
  signedOutByServer,
)

const SETTLE_MS = 150
const POLL_MS = 60_000

/**
 * Calls `read` soon after something happened to a topic, after a lost connection, when the window is looked at again,
 * and once a minute in any case. `matters` may spare a reading for items of no interest.
 */
export function rereadOn(topic: string, read: () => unknown, matters: (item: LiveItem) => boolean = () => true): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let poll: ReturnType<typeof setInterval> | undefined
  let leave = (): void => {}
  const soon = (): void => {
    clearTimeout(timer)
    timer = setTimeout(read, SETTLE_MS)
  }
  const seen = (): void => {
    if (document.visibilityState === 'visible') soon()
  }
  onMounted(() => {
    leave = feed.listen(topic, (item) => {
      if (item === null || matters(item)) soon()
    })
    poll = setInterval(soon, POLL_MS)
    document.addEventListener('visibilitychange', seen)
  })
  onBeforeUnmount(() => {
    leave()
    clearTimeout(timer)
    clearInterval(poll)
    document.removeEventListener('visibilitychange', seen)
  })
}
