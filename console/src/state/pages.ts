/** A list that comes in pages. Reading again reads as many items as are shown. */

import { ref, type Ref } from 'vue'
import type { ApiError } from '../api/client'
import type { Page } from '../api/types'
import { reading } from './reading'

export function pages<T>(source: (cursor: string | undefined) => Promise<Page<T>>) {
  const next = ref<string>()
  const total = ref<number>()
  const count = ref(1)

  const all = reading(async () => {
    const found: T[] = []
    let cursor: string | undefined
    for (let page = 0; page < count.value; page++) {
      const answer = await source(cursor)
      found.push(...answer.items)
      if (answer.total !== undefined && answer.total !== null) total.value = answer.total
      cursor = answer.next ?? undefined
      if (!cursor) break
    }
    next.value = cursor
    return found
  })

  async function more(): Promise<void> {
    count.value += 1
    await all.read()
  }

  return { items: all.value as Ref<T[] | undefined>, error: all.error as Ref<ApiError | undefined>, read: all.read, more, next, total }
}
