/** Which items of a list have just come, so that they can be shown to have come. */

import { ref, watch, type Ref } from 'vue'

const FRESH_MS = 2500

export function arrivals(list: Ref<{ id: number }[] | undefined>): Ref<Set<number>> {
  const fresh = ref(new Set<number>())
  let seen: Set<number> | undefined
  watch(list, (items) => {
    if (!items) return
    const ids = items.map((item) => item.id)
    if (seen) {
      for (const id of ids) {
        if (seen.has(id)) continue
        fresh.value.add(id)
        setTimeout(() => fresh.value.delete(id), FRESH_MS)
      }
    }
    seen = new Set(ids)
  })
  return fresh
}
