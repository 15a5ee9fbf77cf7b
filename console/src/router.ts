/** The pages and their addresses. Hash routes: the server serves one file. */

import { createRouter, createWebHashHistory } from 'vue-router'
import { findSession } from './state/session'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/sign-in', name: 'signIn', component: () => import('./pages/SignIn.vue'), meta: { open: true } },
    { path: '/', name: 'home', redirect: '/drafts' },
    { path: '/drafts', name: 'drafts', component: () => import('./pages/Inbox.vue') },
    { path: '/drafts/:id(\\d+)', name: 'review', component: () => import('./pages/Review.vue') },
    { path: '/tickets', name: 'tickets', component: () => import('./pages/Tickets.vue') },
    { path: '/tickets/:id(\\d+)', name: 'ticket', component: () => import('./pages/Ticket.vue') },
    { path: '/calls', name: 'calls', component: () => import('./pages/Calls.vue') },
    { path: '/visits', name: 'visits', component: () => import('./pages/Visits.vue') },
    { path: '/customers', name: 'customers', component: () => import('./pages/Customers.vue') },
    { path: '/customers/:id(\\d+)', name: 'customer', component: () => import('./pages/Customer.vue') },
    { path: '/assets', name: 'assets', component: () => import('./pages/Assets.vue') },
    { path: '/users', name: 'users', component: () => import('./pages/Users.vue') },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/Lost.vue') },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  try {
    const user = await findSession()
    if (!user) return { name: 'signIn', query: to.fullPath === '/drafts' ? {} : { to: to.fullPath } }
    if (to.name === 'drafts' && to.redirectedFrom?.path === '/' && user.role === 'engineer') return { name: 'visits' }
    return true
  } catch {
    return { name: 'signIn', query: { to: to.fullPath } }
  }
})
