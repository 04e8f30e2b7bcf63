package logstore

import "hash/maphash"

// keySlot is one key of a keyMap: 128 bits of hash and the last offset, as in Kafka's SkimpyOffsetMap.
type keySlot struct {
	a, b   uint64
	offset int64 // -1 free
}

const keySlotBytes = 24

// keyMap maps keys to the last offset they were seen at, in bounded memory: it keeps hashes, not keys. Two
// different keys of one pass collide with a chance of about n*n/2^129.
type keyMap struct {
	seedA, seedB maphash.Seed
	slots        []keySlot
	used, limit  int
	maxSlots     int
	load         float64
}

// newKeyMap makes a map that grows up to maxBytes filled to the load factor.
func newKeyMap(maxBytes int, load float64) *keyMap {
	m := &keyMap{seedA: maphash.MakeSeed(), seedB: maphash.MakeSeed(), load: load, maxSlots: max(maxBytes/keySlotBytes, 16)}
	m.resize(min(1024, m.maxSlots))
	return m
}

func (m *keyMap) resize(n int) {
	old := m.slots
	m.slots = make([]keySlot, n)
	for i := range m.slots {
		m.slots[i].offset = -1
	}
	m.limit = max(int(float64(n)*m.load), 1)
	for _, s := range old {
		if s.offset >= 0 {
			*m.slot(s.a, s.b) = s
		}
	}
}

// slot returns the slot of a hash or the free one where it belongs. There always is a free one.
func (m *keyMap) slot(a, b uint64) *keySlot {
	for i := a % uint64(len(m.slots)); ; i = (i + 1) % uint64(len(m.slots)) {
		s := &m.slots[i]
		if s.offset < 0 || s.a == a && s.b == b {
			return s
		}
	}
}

// put records a key; false means that the map is full and the key is not in it.
func (m *keyMap) put(key []byte, offset int64) bool {
	a, b := maphash.Bytes(m.seedA, key), maphash.Bytes(m.seedB, key)
	s := m.slot(a, b)
	if s.offset < 0 {
		if m.used >= m.limit {
			if len(m.slots) >= m.maxSlots {
				return false
			}
			m.resize(min(2*len(m.slots), m.maxSlots))
			s = m.slot(a, b)
		}
		m.used++
	}
	*s = keySlot{a, b, offset}
	return true
}

// get returns the last offset of a key, -1 if it was not seen.
func (m *keyMap) get(key []byte) int64 {
	return m.slot(maphash.Bytes(m.seedA, key), maphash.Bytes(m.seedB, key)).offset
}
