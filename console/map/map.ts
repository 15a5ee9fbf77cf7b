/**
 * The map of the public form: a tap sets the marker, dragging moves it, and "use my location" brings it along. What is sent is
 * where the marker stands, in the map's datum; or what the device measured, until somebody moves it.
 */

import { divIcon, map as draw, marker as pin, tileLayer, type LatLng, type Marker } from 'leaflet'
import 'leaflet/dist/leaflet.css'
import { onMap, type Spot } from './datum'
import './map.css'

const NEAR = 16

function show(box: HTMLElement): void {
  const form = box.closest('form')
  const { tiles = '', attribution = '', datum = 'WGS-84', start = '', label = '' } = box.dataset
  if (!form || !tiles) return
  const input = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement
  const [north = 35, east = 104, zoom = 4] = start.split(',').map(Number)
  box.hidden = false
  box.nextElementSibling?.removeAttribute('hidden')
  const map = draw(box, { center: [north, east], zoom })
  map.attributionControl.setPrefix('Leaflet')
  // A tile server may want to know which site asks; it need not know which page.
  tileLayer(tiles, { attribution, maxZoom: 19, referrerPolicy: 'origin' }).addTo(map)
  let marker: Marker | undefined

  function put(at: Spot): void {
    const spot: [number, number] = [at.latitude, at.longitude]
    if (marker) {
      marker.setLatLng(spot)
      return
    }
    marker = pin(spot, {
      draggable: true,
      autoPan: true,
      title: label,
      alt: label,
      icon: divIcon({ className: 'pin', iconSize: [28, 28], iconAnchor: [14, 33] }),
    }).addTo(map)
    marker.on('dragend', () => marker && mark(marker.getLatLng()))
  }

  function mark(spot: LatLng): void {
    const there = spot.wrap()
    put({ latitude: there.lat, longitude: there.lng })
    input('latitude').value = there.lat.toFixed(6)
    input('longitude').value = there.lng.toFixed(6)
    input('datum').value = datum
    form?.dispatchEvent(new CustomEvent('marked'))
  }

  function follow(): void {
    const spot = { latitude: Number(input('latitude').value), longitude: Number(input('longitude').value) }
    const there = onMap(spot, input('datum').value || 'WGS-84', datum)
    put(there)
    map.setView([there.latitude, there.longitude], NEAR)
  }

  map.on('click', (event) => mark(event.latlng))
  form.addEventListener('located', follow)
  if (input('latitude').value) follow()
}

for (const box of document.querySelectorAll<HTMLElement>('.map')) show(box)
