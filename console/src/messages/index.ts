/** The languages of the console. The choice stays with the browser. */

import { createI18n } from 'vue-i18n'
import en from './en.json'
import zh from './zh.json'

export type Language = 'zh' | 'en'

const KEY = 'hotline.language'

export const i18n = createI18n<[typeof zh], Language, false>({
  legacy: false,
  locale: chosenLanguage() ?? 'zh',
  fallbackLocale: 'zh',
  messages: { zh, en },
})

/** What somebody chose in this browser, if anybody did. */
export function chosenLanguage(): Language | undefined {
  const kept = localStorage.getItem(KEY)
  return kept === 'zh' || kept === 'en' ? kept : undefined
}

export function setLanguage(language: Language, remember = true): void {
  i18n.global.locale.value = language
  if (remember) localStorage.setItem(KEY, language)
  markDocument(language)
}

export function markDocument(language: Language = i18n.global.locale.value): void {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
}
