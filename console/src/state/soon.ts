/** Does something once the typing stops. */

import { onBeforeUnmount } from 'vue'

export function soon(action: () => unknown, ms = 300): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  onBeforeUnmount(() => clearTimeout(timer))
  return () => {
    clearTimeout(timer)
    timer = setTimeout(action, ms)
  }
}
