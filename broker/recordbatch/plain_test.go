package recordbatch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The quick way and the one that says what is wrong agree on batches with damaged records.
func TestPlainAgreesWithInside(t *testing.T) {
	const now = 1_700_000_000_000
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, rules := range []Rules{
		{Now: now, BeforeMax: math.MaxInt64, AfterMax: 3600_000},
		{Now: now, BeforeMax: 1000, AfterMax: 1000, KeysRequired: true},
		{LogAppendTime: true},
	} {
		var bl Builder
		for i := range 200 {
			var key []byte
			if i%3 == 0 || rules.KeysRequired {
				key = make([]byte, i)
			}
			bl.Add(now+int64(i), key, make([]byte, i))
		}
		whole, err := bl.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		var rd Reader
		agreed := map[bool]int{}
		for i := range 2_000 {
			b := Batch(slices.Clone(whole))
			if i > 0 {
				at := HeaderSize + rnd.IntN(len(b)-HeaderSize)
				b[at] = byte(rnd.Uint32())
			}
			maxTs, ok := checkPlain(b, rules)
			err := checkInside(b, rules, &rd)
			if ok != (err == nil) {
				t.Fatalf("damage %d: checkPlain says %t, checkInside %v", i, ok, err)
			}
			if ok && !rules.LogAppendTime && maxTs != b.MaxTimestamp() {
				t.Fatalf("damage %d: largest timestamp %d, want %d", i, maxTs, b.MaxTimestamp())
			}
			agreed[ok]++
		}
		if agreed[true] == 0 || agreed[false] == 0 {
			t.Fatalf("outcomes = %v, want some of both", agreed)
		}
	}
}
