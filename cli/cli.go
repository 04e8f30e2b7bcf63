package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/internal/vfs"
	"github.com/leat-project/leat/rest/client"
)

// Deps is what the commands use of the world. Zero values are the process's own.
type Deps struct {
	In       io.Reader
	Out, Err io.Writer
	Log      *slog.Logger // of Kafka clients; nil: silent
	// Env looks up environment variables: LEAT_REST and LEAT_KAFKA are the
	// defaults of --url and --bootstrap-server.
	Env func(string) string
}

func (d *Deps) setDefaults() {
	if d.In == nil {
		d.In = os.Stdin
	}
	if d.Out == nil {
		d.Out = os.Stdout
	}
	if d.Err == nil {
		d.Err = os.Stderr
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Env == nil {
		d.Env = os.Getenv
	}
}

// readFile reads a file that a flag names; - is standard input.
func (d *Deps) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(d.In)
	}
	return os.ReadFile(name)
}

const (
	// DefaultREST is where leat run serves the REST API.
	DefaultREST = "http://127.0.0.1:8083"
	// DefaultKafka is where leat run's broker listens.
	DefaultKafka = "127.0.0.1:9092"

	requestTimeout = 95 * time.Second // a little more than a worker takes to give up
)

// Commands returns the client commands.
func Commands(d Deps) []*cobra.Command {
	d.setDefaults()
	return []*cobra.Command{connectorCommand(&d), pluginCommand(&d), offsetsCommand(&d), topicCommand(&d), groupCommand(&d), configCommand(&d),
		logCommand(&d), txnCommand(&d), clusterCommand(&d),
		versionCommand(&d),
		{Use: "exit-codes", Short: "What the exit codes of these commands mean", Long: exitCodes}}
}

const exitCodes = `Exit codes of connector, plugin, offsets, topic, group, config, log, txn,
cluster and version:

  0  done
  1  failed
  2  wrong usage
  3  there is no such connector, task, plugin, topic, partition, group, file ...
  4  it exists already, is in use, or the workers are busy and the same command may succeed shortly
  5  no answer from the REST API or the broker
  6  the configuration or request was refused as wrong
`

// The exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitUnreachable = 5
	exitRefused     = 6
)

// usageError is a wrong use of the command line.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// notFoundError is something on the broker that is not there.
type notFoundError struct{ msg string }

func (e *notFoundError) Error() string { return e.msg }

// refusedError is input that was understood and is wrong.
type refusedError struct{ msg string }

func (e *refusedError) Error() string { return e.msg }

// ExitCode returns the exit code of an error that a command returned; see the
// package comment.
func ExitCode(err error) int {
	var (
		usage       *usageError
		missing     *notFoundError
		active      *activeError
		refused     *refusedError
		unreachable *client.UnreachableError
		broker      *brokerError
		network     *net.OpError
		answered    *client.Error
		locked      *vfs.LockedError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), fromCobra(err):
		return exitUsage
	case errors.As(err, &missing), errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.GroupIDNotFound):
		return exitNotFound
	case errors.As(err, &refused), slices.ContainsFunc(refusals, func(code error) bool { return errors.Is(err, code) }):
		return exitRefused
	case errors.As(err, &active), errors.As(err, &locked), errors.Is(err, kerr.TopicAlreadyExists), errors.Is(err, kerr.NonEmptyGroup):
		return exitConflict
	case errors.As(err, &unreachable), errors.As(err, &broker), errors.As(err, &network):
		return exitUnreachable
	case errors.As(err, &answered):
		switch answered.Status {
		case 404:
			return exitNotFound
		case 409:
			return exitConflict
		case 400:
			return exitRefused
		}
	}
	return exitFailed
}

// refusals are the codes by which a broker says that a request is wrong.
var refusals = []error{kerr.InvalidTopicException, kerr.InvalidConfig, kerr.InvalidRequest, kerr.PolicyViolation, kerr.InvalidPartitions,
	kerr.InvalidReplicationFactor, kerr.InvalidReplicaAssignment, kerr.OffsetOutOfRange,
	kerr.InvalidRecord}

// fromCobra recognizes what cobra says of a command line that it cannot parse; it
// has no types for these.
func fromCobra(err error) bool {
	for _, begin := range []string{"unknown command", "unknown flag", "unknown shorthand flag", "required flag(s)",
		"if any flags in the group", "at least one of the flags in the group", "invalid argument", "flag needs an argument"} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return false
}

// args wraps cobra's argument checks so that their errors are usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usagef("%v\nUsage: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef("%v\nUsage: %s", err, cmd.UseLine()) })
	c.AddCommand(subs...)
	return c
}

// api is what commands on the REST API share.
type api struct {
	*Deps
	url     string
	output  string
	secrets bool
}

func (a *api) bind(c *cobra.Command) *cobra.Command {
	f := c.PersistentFlags()
	base := a.Env("LEAT_REST")
	if base == "" {
		base = DefaultREST
	}
	f.StringVar(&a.url, "url", base, "address of a worker's REST API (environment LEAT_REST)")
	outputFlag(c, &a.output)
	f.BoolVar(&a.secrets, "show-secrets", false, "show the values of PASSWORD keys")
	return c
}

func (a *api) client() (*client.Client, error) {
	c, err := client.New(a.url, nil)
	if err != nil {
		return nil, usagef("--url: %v", err)
	}
	return c, nil
}

func outputFlag(c *cobra.Command, output *string) {
	c.PersistentFlags().StringVarP(output, "output", "o", "table", "table, json or yaml")
	complete(c, "output", "table", "json", "yaml")
}

// complete completes the values of a flag by a list.
func complete(c *cobra.Command, flag string, values ...string) {
	completeFlag(c, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	})
}

func completeFlag(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("cli: " + err.Error()) // a flag that is not declared
	}
}
