/** Keys of a page. Plain keys keep quiet while somebody types or a dialog is open; "Ctrl+..." works everywhere. */

import { onBeforeUnmount, onMounted } from 'vue'

export function useKeys(actions: Record<string, () => void>): void {
  function pressed(event: KeyboardEvent): void {
    if (event.isComposing || event.altKey || event.defaultPrevented) return
    const control = event.ctrlKey || event.metaKey
    const action = actions[control ? `Ctrl+${event.key}` : event.key]
    if (!action || (!control && occupied(event.target, event.key)) || dialogOpen()) return
    event.preventDefault()
    action()
  }
  onMounted(() => document.addEventListener('keydown', pressed))
  onBeforeUnmount(() => document.removeEventListener('keydown', pressed))
}

function occupied(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false
  const takes = 'input, textarea, select, [contenteditable], [role="listbox"]'
  return target.closest(key === 'Enter' ? `${takes}, button, a` : takes) !== null
}

function dialogOpen(): boolean {
  return [...document.querySelectorAll<HTMLElement>('.el-overlay, .el-image-viewer__wrapper')].some((overlay) => overlay.style.display !== 'none')
}
