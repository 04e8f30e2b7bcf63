package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const unregisterLong = `Take a broker that is gone for good off the cluster's books. Its replicas go with it: a
partition that has no other replica in sync loses its leader. A broker that is alive is
refused: stop it first, or say --force.`

func (k *cluster) unregisterCommand() *cobra.Command {
	var id int32
	var dryRun, force bool
	c := &cobra.Command{Use: "unregister --id N", Short: "Take a broker that is gone for good off the cluster's books", Long: unregisterLong, Args: args(cobra.NoArgs),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, _ []string) error {
			if id < 0 {
				return usagef("--id: expected the number of a broker")
			}
			if err := checkUnregister(ctx, cl, id, force); err != nil {
				return err
			}
			if !dryRun {
				if err := unregister(ctx, cl, id); err != nil {
					return err
				}
			}
			_, err := fmt.Fprintf(k.Err, "broker %d %s\n", id, planned("unregistered", dryRun))
			return err
		})}
	c.Flags().Int32Var(&id, "id", -1, "the broker's node id")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say whether the broker would be unregistered")
	c.Flags().BoolVar(&force, "force", false, "also a broker that is alive: the partitions that only it has lose their leader until it registers again")
	return c
}

// checkUnregister refuses a broker that is not there and, unless forced, one that
// is alive. Clusters that do not tell of fenced brokers (before Kafka 4.0) leave the
// first to the request itself.
func checkUnregister(ctx context.Context, cl *kgo.Client, id int32, force bool) error {
	resp, err := describeCluster(ctx, cl, true)
	if err != nil {
		return err
	}
	for _, b := range resp.Brokers {
		switch {
		case b.NodeID != id:
		case b.IsFenced || force:
			return nil
		default:
			return &activeError{fmt.Sprintf("broker %d is alive at %s:%d: unregistered, it would take the partitions that only it has with it; "+
				"stop it first, or say --force (leat cluster brokers --include-fenced shows all)", id, b.Host, b.Port)}
		}
	}
	if resp.Version >= 2 {
		return noBroker(id)
	}
	return nil
}

func noBroker(id int32) error {
	return &notFoundError{fmt.Sprintf("broker %d is not registered", id)}
}

func unregister(ctx context.Context, cl *kgo.Client, id int32) error {
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = id
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return notServed("unregistering brokers", err)
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case errors.Is(err, kerr.BrokerIDNotRegistered):
		return noBroker(id)
	case err != nil:
		return fmt.Errorf("broker %d: %w", id, withDetail(err, deref(resp.ErrorMessage)))
	}
	return nil
}
