//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	copierClass   = "org.apache.kafka.tools.TransactionalMessageCopier"
	copierGroup   = "copiers"
	copierParts   = 2
	copierRecords = 12_000
	// copierStep is how much must be copied between two disturbances.
	copierStep    = copierRecords / 12
	copierKills   = 6
	copierTimeout = 3 * time.Minute
)

// TestTransactionalMessageCopier has Kafka's copier move records between
// topics in transactions, some of which it aborts, while it and the broker are
// killed and started again. A reader of committed records must find each
// record once, and in order.
func TestTransactionalMessageCopier(t *testing.T) {
	t.Run("assigned", func(t *testing.T) { copyAll(t, false) })
	t.Run("group", func(t *testing.T) { copyAll(t, true) })
}

// copying is one run.
type copying struct {
	*bench
	admin   *kadm.Client
	copiers [copierParts]*program
	starts  int
	// group has the copiers share the partitions as members of a group; else
	// each has its own.
	group bool
	// ends are where the partitions of the input end.
	ends map[int32]int64
}

func copyAll(t *testing.T, group bool) {
	b := start(t)
	c := &copying{bench: b, admin: b.admin(t), group: group, ends: map[int32]int64{}}
	c.createTopic(t, "in", copierParts)
	c.createTopic(t, "out", copierParts)
	c.fill(t)
	for kill := range copierKills {
		c.advance(t, int64(kill+1)*copierStep)
		if kill == copierKills/2 {
			c.broker.Restart(t)
			continue
		}
		if p := c.copiers[kill%copierParts]; p.Alive() {
			p.kill(t)
		}
	}
	c.advance(t, copierRecords)
	for _, p := range c.copiers {
		if p.Alive() && !p.Wait(stopTimeout) {
			t.Errorf("%s did not end after its work was done", p.name)
		}
	}
	t.Logf("%d records copied by %d starts of a copier", copierRecords, c.starts)

	in, out := texts(c.readCommitted(t, "in")), texts(c.readCommitted(t, "out"))
	for partition := range int32(copierParts) {
		once(t, fmt.Sprintf("partition %d of the copy", partition), out[partition], in[partition])
		for i := range min(len(in[partition]), len(out[partition])) {
			if in[partition][i] != out[partition][i] {
				t.Errorf("record %d of partition %d is %q, want %q", i, partition, out[partition][i], in[partition][i])
				break
			}
		}
	}
	c.noneOpen(t)
}

// fill writes the input with Kafka's producer.
func (c *copying) fill(t *testing.T) {
	t.Helper()
	c.tool(t, "", verifiableProducer, "--topic", "in", "--max-messages", fmt.Sprint(copierRecords), "--throughput", "-1")
	ends, err := c.admin.ListEndOffsets(t.Context(), "in")
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { c.ends[o.Partition] = o.Offset })
}

// advance waits until that many records are committed as copied, and starts
// copiers that ended: after an abort that the killed broker caused they do.
func (c *copying) advance(t *testing.T, want int64) {
	t.Helper()
	began := time.Now()
	last := int64(0)
	eventually(t, copierTimeout, fmt.Sprintf("copying %d records", want), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		offsets, err := c.admin.FetchOffsets(ctx, copierGroup)
		if err == nil {
			err = offsets.Error()
		}
		if err != nil {
			return err
		}
		last = 0
		done := map[int32]bool{}
		offsets.Each(func(o kadm.OffsetResponse) {
			last += max(o.At, 0)
			done[o.Partition] = o.At == c.ends[o.Partition]
		})
		if last >= want {
			return nil
		}
		for n := range c.copiers {
			if p := c.copiers[n]; (p == nil || !p.Alive()) && (c.group || !done[int32(n)]) {
				c.copiers[n] = c.start(t, n)
			}
		}
		return fmt.Errorf("%d are", last)
	})
	t.Logf("%d records copied after %.1f s more", last, time.Since(began).Seconds())
}

// start starts a copier. Before it ends the transaction of the one that was
// killed it asks for the stable offset, and so waits for the time-out.
func (c *copying) start(t *testing.T, n int) *program {
	t.Helper()
	c.starts++
	args := []string{"--broker-list", c.broker.Kafka(), "--input-topic", "in", "--output-topic", "out", "--consumer-group", copierGroup,
		"--transactional-id", fmt.Sprintf("copier-%d", n), "--transaction-size", "20", "--transaction-timeout", "10000", "--enable-random-aborts", "--input-partition", fmt.Sprint(n)}
	if c.group {
		args = append(args, "--group-mode", "--use-group-metadata")
	}
	return c.spawn(t, fmt.Sprintf("copier %d, start %d", n, c.starts), copierClass, args...)
}

// noneOpen: no transaction is left.
func (c *copying) noneOpen(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	open, err := c.admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort"})
	if err != nil || len(open) > 0 {
		t.Errorf("open transactions: %v, %v; want none", open, err)
	}
}

// texts returns the values of records by partition.
func texts(records []*kgo.Record) map[int32][]string {
	values := map[int32][]string{}
	for _, r := range records {
		values[r.Partition] = append(values[r.Partition], string(r.Value))
	}
	return values
}
