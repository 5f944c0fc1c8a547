// Makes the embedded tables of src/reference/data from @etalab/decoupage-administratif.
//
// In: the folder of the installed package. Out: sorted tables, tab-separated, without header; the
// columns are described in src/reference/data/README.md. Run it when a new year of the package
// appears, and commit the result:
//
//     dir=$(mktemp -d)
//     npm install --prefix "$dir" --no-save @etalab/decoupage-administratif@6.0
//     node scripts/reference.mjs "$dir/node_modules/@etalab/decoupage-administratif"
//
// The rows are sorted by the bytes of their line, because src/reference looks them up by bisection
// in the text itself and never parses a table whole.

import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const from = process.argv[2]
if (!from) {
  console.error('usage: node scripts/reference.mjs FOLDER-OF-THE-PACKAGE')
  process.exit(2)
}
const to = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'reference', 'data')
const read = name => JSON.parse(readFileSync(join(from, 'data', `${name}.json`), 'utf8'))

const [communes, epci, ept] = [read('communes'), read('epci'), read('ept')]
const [departements, regions, arrondissements] = [read('departements'), read('regions'), read('arrondissements')]

/// The département of a commune code: its first two characters, three overseas.
const departementOf = code => code.slice(0, /^9[78]/.test(code) ? 3 : 2)

function write(name, rows) {
  const lines = rows.map(row => {
    if (row.some(cell => /[\t\n]/.test(cell))) throw new Error(`a cell of ${name} holds a tab: ${row}`)
    return row.join('\t')
  })
  lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const distinct = lines.filter((line, i) => line !== lines[i - 1])
  writeFileSync(join(to, `${name}.tsv`), distinct.join('\n') + '\n')
  console.log(`${name}: ${distinct.length}`)
}

// Kinds sort so that what exists today comes first among the rows of one code.
const KIND = {
  'commune-actuelle': '1',
  'arrondissement-municipal': '2',
  'commune-deleguee': '3',
  'commune-associee': '4'
}
const rows = communes.map(c => {
  const now = c.chefLieu ?? c.commune ?? ''
  return [c.code, KIND[c.type], now === c.code ? '' : now, c.nom]
})
const known = new Set(communes.map(c => c.code))
for (const c of communes) {
  for (const old of c.anciensCodes ?? []) {
    if (!known.has(old)) rows.push([old, '5', c.code, c.nom])
  }
}
for (const [code, , now] of rows) {
  const commune = communes.find(c => c.code === (now || code) && c.type === 'commune-actuelle') ??
    communes.find(c => c.code === code)
  if (commune.departement && commune.departement !== departementOf(now || code)) {
    throw new Error(`${code} is not in the département of its code`)
  }
}
write('communes', rows)
write('sirens', communes.filter(c => c.siren).map(c => [c.siren, c.code]))

const postal = new Map()
for (const c of communes) {
  for (const code of c.codesPostaux ?? []) postal.set(code, [...(postal.get(code) ?? []), c.code])
}
write('postal', [...postal].map(([code, list]) => [code, [...new Set(list)].sort().join(' ')]))

write('epci', [...epci, ...ept].map(e => {
  const weight = new Map()
  for (const m of e.membres) {
    const d = departementOf(m.code)
    weight.set(d, (weight.get(d) ?? 0) + (m.populationTotale ?? 1))
  }
  const byWeight = [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([d]) => d)
  return [e.code, e.type, byWeight.join(' '), e.nom]
}))
write('departements', departements.map(d => [d.code, d.region, d.chefLieu ?? '', d.nom]))
write('regions', regions.map(r => [r.code, r.chefLieu ?? '', r.nom]))
write('arrondissements', arrondissements.map(a => [a.code, a.departement, a.nom]))
