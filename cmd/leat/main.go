// Command leat is the one binary: broker, Connect worker and their clients. It
// reads configuration, wires the parts and handles signals.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones on machines that have none

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/cli"
	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/internal/logtail"
)

// program is what the server commands share.
type program struct {
	log    *slog.Logger
	levels *loglevel.Levels
	tail   *logtail.Tail
}

func main() {
	os.Exit(run())
}

func run() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // a second one ends the process at once
		os.Exit(130)
	}()
	paceCollector()
	p := &program{tail: logtail.New(), levels: loglevel.New()}
	err := p.openLog(os.Stderr)
	if err == nil {
		err = profiled(func() error { return rootCommand(p).ExecuteContext(ctx) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "leat:", err)
		return cli.ExitCode(err)
	}
	return 0
}

// profiled runs f with the profiles that the environment asks for.
func profiled(f func() error) error {
	stop, err := profile()
	if err != nil {
		return err
	}
	return errors.Join(f(), stop())
}

func rootCommand(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "leat",
		Short:         "Kafka Connect without the JVM, and a Kafka-protocol broker to run it on",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(&cobra.Group{ID: "server", Title: "Servers:"}, &cobra.Group{ID: "client", Title: "Clients:"})
	for _, c := range []*cobra.Command{runCommand(p), brokerCommand(p), workerCommand(p), standaloneCommand(p)} {
		c.GroupID = "server"
		root.AddCommand(c)
	}
	for _, c := range cli.Commands(cli.Deps{}) {
		c.GroupID = "client"
		root.AddCommand(c)
	}
	return root
}
