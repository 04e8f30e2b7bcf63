package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/internal/datadir"
	"github.com/leat-project/leat/internal/props"
	"github.com/leat-project/leat/worker/conf"
)

// Defaults of leat run.
const (
	defaultData  = "leat-data"
	defaultKafka = "127.0.0.1:9092"
	defaultREST  = "127.0.0.1:8083"

	// runInstance names the worker in its group: one that starts again after a crash
	// takes its own place, whatever its ports are now.
	runInstance = "leat-run"

	// maxMessage is the largest record in bytes, at the broker and in the worker's
	// producers: REPLICA IDENTITY FULL doubles a row.
	maxMessage = 64 << 20
)

// runFlags are the flags of leat run.
type runFlags struct {
	data, kafka, rest, file string
	set                     []string
}

func runCommand(p *program) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run everything in one process: broker, worker and REST API",
		Long: "Run the broker and a Connect worker in one process, with all state in one folder.\n" +
			"Every key of server.properties and connect-distributed.properties can be set: by --set, by a file\n" +
			"with the same prefixes (-c), or by the environment (KAFKA_FOO_BAR, CONNECT_FOO_BAR).",
		Example: "  leat run\n  leat run --data /var/lib/leat --set broker.log.retention.hours=24 --set worker.offset.flush.interval.ms=10000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runAll(cmd.Context(), f, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&f.data, "data", defaultData, "folder of all state")
	cmd.Flags().StringVar(&f.kafka, "kafka", defaultKafka, "host:port of the Kafka listener")
	cmd.Flags().StringVar(&f.rest, "rest", defaultREST, "host:port of the REST listener")
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "properties file with keys broker.KEY and worker.KEY")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "broker.KEY=VALUE or worker.KEY=VALUE, may be repeated")
	return cmd
}

// keys returns the properties of broker and worker: defaults, file, environment
// and --set, the last on top.
func (f runFlags) keys(data string) (broker, worker map[string]string, defaults []string, err error) {
	fileBroker, fileWorker, err := splitFile(f.file)
	if err != nil {
		return nil, nil, nil, err
	}
	setBroker, setWorker, err := split(f.set)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, a := range []struct{ flag, addr string }{{"--kafka", f.kafka}, {"--rest", f.rest}} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return nil, nil, nil, fmt.Errorf("%s %s: expected host:port", a.flag, a.addr)
		}
	}
	userBroker := props.Merge(fileBroker, props.FromEnv(brokerEnv, os.Environ()), setBroker)
	userWorker := props.Merge(fileWorker, props.FromEnv(workerEnv, os.Environ()), setWorker)
	broker = props.Merge(brokerDefaults, map[string]string{"listeners": "PLAINTEXT://" + f.kafka, "log.dirs": data}, userBroker)
	worker = props.Merge(workerDefaults, map[string]string{"listeners": "http://" + f.rest}, userWorker)
	defaults = append(unset("broker.", brokerDefaults, userBroker), unset("worker.", workerDefaults, userWorker)...)
	return broker, worker, defaults, nil
}

// brokerDefaults and workerDefaults are what one process on one machine allows and
// Kafka's own defaults do not have.
var (
	brokerDefaults = map[string]string{
		"offsets.topic.replication.factor":         "1",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"default.replication.factor":               "1",
		"group.initial.rebalance.delay.ms":         "0",
		"message.max.bytes":                        strconv.Itoa(maxMessage),
	}
	workerDefaults = map[string]string{
		"group.id":                          "leat",
		"config.storage.topic":              "connect-configs",
		"offset.storage.topic":              "connect-offsets",
		"status.storage.topic":              "connect-status",
		"config.storage.replication.factor": "1",
		"offset.storage.replication.factor": "1",
		"status.storage.replication.factor": "1",
		"key.converter":                     "org.apache.kafka.connect.json.JsonConverter",
		"value.converter":                   "org.apache.kafka.connect.json.JsonConverter",
		"producer.max.request.size":         strconv.Itoa(maxMessage),
	}
)

// unset lists, sorted, the defaults that the user did not replace.
func unset(prefix string, defaults, user map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(defaults)) {
		if _, set := user[key]; !set {
			out = append(out, prefix+key+"="+defaults[key])
		}
	}
	return out
}

// runAll runs broker and worker until ctx ends: the worker stops first, while the
// broker still takes its last records and offsets.
func (p *program) runAll(ctx context.Context, f runFlags, out io.Writer) (err error) {
	dir, err := datadir.Open(f.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	brokerKeys, workerKeys, defaults, err := f.keys(dir.Join("broker"))
	if err != nil {
		return err
	}
	b, err := newBroker(brokerKeys, p)
	var unreachable *broker.UnreachableError
	if errors.As(err, &unreachable) {
		return fmt.Errorf("%w; with leat run that is --set broker.%s", err, unreachable.Add)
	}
	if err != nil {
		return err
	}
	if err := b.Listen(); err != nil {
		return errors.Join(taken(err, "--kafka HOST:PORT"), b.Close())
	}
	if _, set := workerKeys["bootstrap.servers"]; !set {
		workerKeys["bootstrap.servers"] = b.Addr("").String()
	}
	brokerCtx, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBroker()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := b.Run(brokerCtx); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		defer stopBroker()
		w, err := p.newWorker(conf.Distributed, workerKeys, runInstance, b.Collector())
		if err != nil {
			return taken(err, "--rest HOST:PORT")
		}
		fmt.Fprintf(out, "REST    %s\nbroker  %s\ndata    %s\n", w.url(), b.Addr(""), dir.Path)
		if len(defaults) > 0 {
			fmt.Fprintf(out, "set by default, change with --set:\n  %s\n", strings.Join(defaults, "\n  "))
		}
		return w.run(gctx)
	})
	return g.Wait()
}

// taken adds to an error about an address in use which flag or key changes it and,
// where it can be seen, which process has it.
func taken(err error, change string) error {
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &op) {
		return err
	}
	_, port, _ := net.SplitHostPort(op.Addr.String())
	if who := listenerOf(port); who != "" {
		return fmt.Errorf("%w: port %s is taken by %s; end that process or choose another port with %s", err, port, who, change)
	}
	return fmt.Errorf("%w: port %s is taken; choose another with %s", err, port, change)
}
