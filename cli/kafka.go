package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/internal/props"
)

// cluster is what commands on a Kafka cluster share.
type cluster struct {
	*Deps
	bootstrap, configFile, output string
	timeout                       time.Duration // of all requests of a command
}

// bind gives a command the flags that say which cluster, and the form of output.
func (k *cluster) bind(c *cobra.Command) *cobra.Command {
	bootstrap := k.Env("LEAT_KAFKA")
	if bootstrap == "" {
		bootstrap = DefaultKafka
	}
	c.PersistentFlags().StringVarP(&k.bootstrap, "bootstrap-server", "b", bootstrap, "brokers, host:port,... (environment LEAT_KAFKA)")
	c.PersistentFlags().StringVar(&k.configFile, "command-config", "", "properties file with client settings, such as security.protocol")
	outputFlag(c, &k.output)
	return c
}

// bindTimeout adds --timeout to a command's own or persistent flags.
func (k *cluster) bindTimeout(add func(p *time.Duration, name string, value time.Duration, usage string)) {
	add(&k.timeout, "timeout", requestTimeout, "how long all requests together may take, as in 5s")
}

// dial makes a client from the flags and the command's own settings.
func (k *cluster) dial(ctx context.Context, role kafka.Role, own map[string]string, opts ...kgo.Opt) (*kgo.Client, error) {
	clientOpts, err := k.options(role, own)
	if err != nil {
		return nil, err
	}
	return k.connect(ctx, append(clientOpts, opts...))
}

// options are those of a client from the flags and the command's own settings.
func (k *cluster) options(role kafka.Role, own map[string]string) ([]kgo.Opt, error) {
	p := map[string]string{}
	if k.configFile != "" {
		var err error
		if p, err = props.Load(k.configFile); err != nil {
			return nil, usagef("--command-config: %v", err)
		}
	}
	p = props.Merge(map[string]string{"client.id": "leat-cli"}, p, map[string]string{"bootstrap.servers": k.bootstrap}, own)
	opts, err := kafka.Options(p, role, k.Log)
	if err != nil {
		return nil, &refusedError{"client settings: " + err.Error()}
	}
	return opts, nil
}

func (k *cluster) connect(ctx context.Context, opts []kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	// Fail now, and with the address, instead of retrying for minutes.
	ping, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := cl.Ping(ping); err != nil {
		cl.Close()
		return nil, &brokerError{k.bootstrap, err}
	}
	return cl, nil
}

// brokerError says that no broker answered.
type brokerError struct {
	bootstrap string
	err       error
}

func (e *brokerError) Error() string {
	return fmt.Sprintf("no answer from a broker at %s: %v (--bootstrap-server names another)", e.bootstrap, e.err)
}

func (e *brokerError) Unwrap() error { return e.err }

// admin runs body with an admin client.
func (k *cluster) admin(body func(ctx context.Context, adm *kadm.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return k.withAdmin(cmd.Context(), func(ctx context.Context, adm *kadm.Client) error { return body(ctx, adm, args) })
	}
}

func (k *cluster) withAdmin(ctx context.Context, body func(ctx context.Context, adm *kadm.Client) error) error {
	return k.withClient(ctx, func(ctx context.Context, cl *kgo.Client) error { return body(ctx, kadm.NewClient(cl)) })
}

// withClient runs body with a client for requests that kadm does not make.
func (k *cluster) withClient(ctx context.Context, body func(ctx context.Context, cl *kgo.Client) error) error {
	patience := cmp.Or(k.timeout, requestTimeout)
	if patience < 0 {
		return usagef("--timeout %v: expected more than 0", patience)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cl, err := k.dial(limited, kafka.Admin, nil)
	if err != nil {
		return err
	}
	defer cl.Close()
	err = body(limited, cl)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return &brokerError{k.bootstrap, fmt.Errorf("not done after %v: %w", patience, err)}
	}
	return err
}

// client is the body of a command that makes its requests itself.
func (k *cluster) client(body func(ctx context.Context, cl *kgo.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return k.withClient(cmd.Context(), func(ctx context.Context, cl *kgo.Client) error { return body(ctx, cl, args) })
	}
}

// topics completes topic names.
func (k *cluster) topics(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	err := k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
		details, err := adm.ListTopics(ctx)
		names = details.Names()
		return err
	})(cmd, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// find returns a topic's metadata; one that is not there is a notFoundError.
func find(ctx context.Context, adm *kadm.Client, name string) (kadm.TopicDetail, error) {
	details, err := adm.ListTopicsWithInternal(ctx, name)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("reading metadata of %s: %w", name, err)
	}
	return lookUp(details, name)
}

// withDetail adds what the broker says beyond the error code.
func withDetail(err error, detail string) error {
	if err == nil || detail == "" {
		return err
	}
	return &detailedError{err, detail}
}

// detailedError is an error code with the broker's own words instead of what the
// code means in general.
type detailedError struct {
	code   error
	detail string
}

func (e *detailedError) Error() string {
	var code *kerr.Error
	if errors.As(e.code, &code) {
		return code.Message + ": " + e.detail
	}
	return e.code.Error() + ": " + e.detail
}

func (e *detailedError) Unwrap() error { return e.code }

// results reports what became of each thing named and returns the errors.
func (k *cluster) results(kind string, names []string, done string, result func(string) error) error {
	var errs []error
	for _, name := range names {
		if err := result(name); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", kind, name, err))
			continue
		}
		if _, err := fmt.Fprintf(k.Err, "%s %s %s\n", kind, name, done); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}
