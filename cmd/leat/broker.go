package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/broker"
)

func brokerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "broker FILE",
		Short: "Run the Kafka-protocol broker alone",
		Long: "Run the broker alone. FILE holds keys of Kafka's server.properties (KRaft mode);\n" +
			"environment variables KAFKA_FOO_BAR set foo.bar over it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := fileWithEnv(args[0], brokerEnv)
			if err != nil {
				return err
			}
			b, err := newBroker(keys, p.log)
			if err != nil {
				return err
			}
			if err := b.Listen(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "broker  %s\n", b.Addr(""))
			return p.serve(cmd.Context(), b.Run)
		},
	}
}

func newBroker(keys map[string]string, log *slog.Logger) (*broker.Broker, error) {
	log = log.With("component", "broker")
	cfg, err := broker.ParseConfig(keys, log)
	if err != nil {
		return nil, err
	}
	return broker.New(cfg, log)
}

// serve runs until the context ends; that is success.
func (p *program) serve(ctx context.Context, run func(context.Context) error) error {
	err := run(ctx)
	if ctx.Err() != nil && err == nil {
		p.log.Info("stopped")
	}
	return err
}
