/** The forms of the service types, read once. */

import { ref } from 'vue'
import { directory } from '../api/directory'
import type { Form } from '../api/types'

const known = ref<Form[]>([])
let reading: Promise<Form[]> | undefined

export const forms = known

/** All forms with their fields; the list may leave the fields out, then each is read by itself. */
export function readForms(): Promise<Form[]> {
  reading ??= directory
    .forms()
    .then((list) => Promise.all(list.map((form) => (form.fields ? form : directory.form(form.service)))))
    .then((list) => (known.value = list))
    .catch((error: unknown) => {
      reading = undefined
      throw error
    })
  return reading
}
