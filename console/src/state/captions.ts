/** A call's captions: turns that were read, and those that the live feed brings since. */

import { ref } from 'vue'
import type { LiveItem } from '../api/live'
import type { CallTurn } from '../api/types'

export interface Partial {
  speaker: string
  text: string
}

export function captions(read: () => CallTurn[]) {
  const turns = ref<CallTurn[]>([...read()])
  const partial = ref<Partial>()

  /** Takes the turns as they were read now; what the feed brought beyond them stays. */
  function renew(): void {
    const fresh = read()
    const known = new Set(fresh.map((turn) => turn.number))
    turns.value = [...fresh, ...turns.value.filter((turn) => !known.has(turn.number))].sort((a, b) => a.number - b.number)
  }

  /** {kind: "turn", turn, speaker, text} ends a partial; {kind: "partial", speaker, text} is what is being said. */
  function hear(item: LiveItem): void {
    const text = typeof item.text === 'string' ? item.text : ''
    const speaker = typeof item.speaker === 'string' ? item.speaker : 'customer'
    if (item.kind === 'partial') {
      partial.value = text ? { speaker, text } : undefined
    } else if (item.kind === 'turn' && typeof item.turn === 'number') {
      const number = item.turn
      turns.value = [...turns.value.filter((turn) => turn.number !== number), { number, speaker, text }].sort(
        (a, b) => a.number - b.number,
      )
      if (partial.value?.speaker === speaker) partial.value = undefined
    }
  }

  return { turns, partial, hear, renew }
}
