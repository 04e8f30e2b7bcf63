package brokercrash

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// outcome of a transaction, as its producer knows it.
type outcome int

const (
	unsure    outcome = iota // the answer was lost: all of it or nothing
	committed                // acknowledged
	aborted
)

// journal is what the clients were told. Safe for concurrent use.
type journal struct {
	mu    sync.Mutex       // guards the fields below
	sent  map[string]int64 // "topic-partition" -> records handed to the producer
	acked map[string]int64 // "topic-partition" -> of those, acknowledged
	txns  map[string]txnEntry
	// offsets are lower bounds of committed offsets, by "group topic-partition".
	offsets map[string]int64
}

type txnEntry struct {
	outcome outcome
	size    int
}

func newJournal() journal {
	return journal{sent: map[string]int64{}, acked: map[string]int64{}, txns: map[string]txnEntry{}, offsets: map[string]int64{}}
}

func place(topic string, partition int32) string { return fmt.Sprintf("%s-%d", topic, partition) }

// next takes the number of the next record of a partition.
func (j *journal) next(topic string, partition int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.sent[place(topic, partition)]
	j.sent[place(topic, partition)]++
	return n
}

func (j *journal) acknowledged(topic string, partition int32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acked[place(topic, partition)]++
}

func (j *journal) ended(txn string, size int, o outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.txns[txn] = txnEntry{o, size}
}

func (j *journal) offsetCommitted(group, topic string, partition int32, offset int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := group + " " + place(topic, partition)
	j.offsets[key] = max(j.offsets[key], offset)
}

func (j *journal) offsetBound(group, topic string, partition int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.offsets[group+" "+place(topic, partition)]
}

// count is the number of records acknowledged in a topic.
func (j *journal) count(topic string) (n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for p := range int32(partitions) {
		n += j.acked[place(topic, p)]
	}
	return n
}

// outcomes counts the transactions of each topic by outcome.
func (j *journal) outcomes() map[string][3]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	counts := map[string][3]int{}
	for name, e := range j.txns {
		c := counts[prefix(name)]
		c[e.outcome]++
		counts[prefix(name)] = c
	}
	return counts
}

// Values are "number|padding" in plain topics and "transaction|i|padding" in
// transactional ones.

func plainValue(n int64, pad int) string {
	return strconv.FormatInt(n, 10) + "|" + strings.Repeat("x", pad)
}

func plainNumber(value string) (int64, error) {
	text, _, _ := strings.Cut(value, "|")
	return strconv.ParseInt(text, 10, 64)
}

func txnValue(txn string, i, pad int) string {
	return txn + "|" + strconv.Itoa(i) + "|" + strings.Repeat("y", pad)
}

// txnPart returns transaction and index of a value of a transactional topic.
func txnPart(value string) (txn string, i int, err error) {
	txn, rest, _ := strings.Cut(value, "|")
	text, _, _ := strings.Cut(rest, "|")
	i, err = strconv.Atoi(text)
	return txn, i, err
}

// sentTo is how many records each partition of a topic holds once its writers
// have stopped.
func (j *journal) sentTo(topic string) (out [partitions]int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for p := range int32(partitions) {
		out[p] = j.sent[place(topic, p)]
	}
	return out
}
