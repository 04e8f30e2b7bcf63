package broker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
)

// Adoption is a set of topics of another cluster that are taken into the log
// dirs of a broker.
type Adoption struct {
	Topics []controller.AdoptedTopic
	// Folders are those of the topics' partitions. A partition without one
	// begins empty.
	Folders []logstore.Adoption
	// NextProducerID is above every producer id in the folders.
	NextProducerID int64
}

// Adopt takes topics into the log dirs of a broker that is not running: it starts
// one without listeners, copies the folders, writes the topics into the metadata
// in one step, and ends it. With dryRun it copies and writes nothing, but says
// what would be refused; the log dirs are opened, and recovered if need be, as a
// start would. A *vfs.LockedError names the process that has them.
func Adopt(ctx context.Context, cfg Config, a Adoption, dryRun bool, log *slog.Logger) error {
	cfg.Listeners = nil
	b, err := New(cfg, log)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- b.Run(running) }() // waited for below
	err = b.adopt(ctx, a, dryRun)
	stop()
	return errors.Join(err, <-done)
}

func (b *Broker) adopt(ctx context.Context, a Adoption, dryRun bool) error {
	if err := b.ctl.AdoptTopics(ctx, a.Topics, a.NextProducerID, true); err != nil || dryRun {
		return err
	}
	for _, f := range a.Folders {
		if err := b.store.Stage(ctx, f); err != nil {
			return errors.Join(err, b.store.DropStaged())
		}
	}
	if err := b.ctl.AdoptTopics(ctx, a.Topics, a.NextProducerID, false); err != nil {
		// If it was written after all, the next start takes the folders.
		return err
	}
	return nil
}
