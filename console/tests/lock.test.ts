import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface Locked {
  version?: string
  integrity?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

// A registry that lacks one platform's package makes a lock that only this machine's platform can install from.
it('the lock names every package for every platform', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
  const places = Object.keys(packages)
  const wanted = Object.values(packages).flatMap((each) => Object.keys({ ...each.dependencies, ...each.optionalDependencies }))
  expect(wanted.filter((name) => !places.some((place) => place.endsWith(`node_modules/${name}`)))).toEqual([])
  expect(places.filter((place) => place && !packages[place]?.integrity)).toEqual([])
})

it('every dependency is pinned to one version', () => {
  const own = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>
  expect(Object.values({ ...own.dependencies, ...own.devDependencies }).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
})
