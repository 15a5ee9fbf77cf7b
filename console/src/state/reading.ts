/** Something read from the server: its value, that it is on its way, or why it did not come. */

import { ref, type Ref } from 'vue'
import { ApiError } from '../api/client'

export interface Reading<T> {
  value: Ref<T | undefined>
  error: Ref<ApiError | undefined>
  busy: Ref<boolean>
  read: () => Promise<void>
}

/** `read` never rejects; an older answer never overwrites a newer one; a failed re-reading keeps what was there. */
export function reading<T>(source: () => Promise<T>): Reading<T> {
  const value = ref<T>() as Ref<T | undefined>
  const error = ref<ApiError>()
  const busy = ref(false)
  let latest = 0
  async function read(): Promise<void> {
    const mine = ++latest
    busy.value = true
    try {
      const answer = await source()
      if (mine !== latest) return
      value.value = answer
      error.value = undefined
    } catch (problem) {
      if (mine !== latest) return
      error.value = problem instanceof ApiError ? problem : new ApiError(0, 'error', String(problem))
    } finally {
      if (mine === latest) busy.value = false
    }
  }
  return { value, error, busy, read }
}
