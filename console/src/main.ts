import { createApp } from 'vue'
import { whenSignedOut } from './api/client'
import App from './App.vue'
import { i18n, markDocument } from './messages'
import { router } from './router'
import { forgetSession } from './state/session'
import './styles/base.css'
import './styles/fields.css'

markDocument()
whenSignedOut(() => {
  forgetSession()
  const here = router.currentRoute.value
  if (!here.meta.open) void router.push({ name: 'signIn', query: { to: here.fullPath } })
})
createApp(App).use(i18n).use(router).mount('#app')
