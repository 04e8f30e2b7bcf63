package controller

import (
	"hash/maphash"
	"iter"
	"maps"
)

// cow is a map that is cheap to copy: it is split into shards by the hash of
// the key, and a copy takes over the shards of the original until it changes
// one. So a change costs the same whether there are ten topics or ten thousand.
// The zero cow is empty. A copy is made with copied; after that the original
// must not be changed any more.
type cow[K comparable, V any] struct {
	shards [cowShards]map[K]V
	owned  [cowShards]bool // the shards that no other cow shares
	size   int
}

const cowShards = 256

var cowSeed = maphash.MakeSeed()

func shardOf[K comparable](k K) int { return int(maphash.Comparable(cowSeed, k) % cowShards) }

func (c *cow[K, V]) copied() cow[K, V] { return cow[K, V]{shards: c.shards, size: c.size} }

func (c *cow[K, V]) get(k K) V { return c.shards[shardOf(k)][k] }

// own returns the shard of k for changing it.
func (c *cow[K, V]) own(k K) map[K]V {
	i := shardOf(k)
	if !c.owned[i] {
		c.owned[i] = true
		if c.shards[i] = maps.Clone(c.shards[i]); c.shards[i] == nil {
			c.shards[i] = map[K]V{}
		}
	}
	return c.shards[i]
}

func (c *cow[K, V]) put(k K, v V) {
	m := c.own(k)
	if _, had := m[k]; !had {
		c.size++
	}
	m[k] = v
}

func (c *cow[K, V]) remove(k K) {
	m := c.own(k)
	if _, had := m[k]; had {
		c.size--
		delete(m, k)
	}
}

// all yields the entries in no order.
func (c *cow[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, m := range c.shards {
			for k, v := range m {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}
