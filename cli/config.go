package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// resourceKind is a kind of thing that has a configuration.
type resourceKind struct {
	name string
	code kmsg.ConfigResourceType
	own  kmsg.ConfigSource // of values set on the thing itself; 0: every value counts
}

var resourceKinds = []resourceKind{
	{"topic", kmsg.ConfigResourceTypeTopic, kmsg.ConfigSourceDynamicTopicConfig},
	{"broker", kmsg.ConfigResourceTypeBroker, kmsg.ConfigSourceDynamicBrokerConfig},
	{"broker-logger", kmsg.ConfigResourceTypeBrokerLogger, 0},
	{"group", kmsg.ConfigResourceTypeGroupConfig, kmsg.ConfigSourceGroupConfig},
	{"client-metrics", kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigSourceClientMetricsConfig},
}

// clusterDefault names what holds for brokers without a value of their own; the
// protocol's name of it is empty.
const clusterDefault = "default"

const configLong = `Show and change the configuration of topics, brokers, loggers of brokers, groups
and client metrics subscriptions. A broker is named by its id; the broker named
default stands for all brokers that have no value of their own.`

func configCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	c := group("config", "Show and change configurations of topics, brokers and groups, on any Kafka",
		k.configListCommand(), k.configGetCommand(), k.configSetCommand(), k.configUnsetCommand())
	c.Long = configLong
	c.Aliases = []string{"configs"}
	return k.bind(c)
}

func kindNames() []string {
	var names []string
	for _, k := range resourceKinds {
		names = append(names, k.name)
	}
	return names
}

func parseKind(name string) (resourceKind, error) {
	i := slices.IndexFunc(resourceKinds, func(k resourceKind) bool { return k.name == name })
	if i < 0 {
		return resourceKind{}, usagef("%s: expected one of %s", name, strings.Join(kindNames(), ", "))
	}
	return resourceKinds[i], nil
}

// resource is one thing that has a configuration.
type resource struct {
	kind resourceKind
	name string // as the protocol has it: "" is the cluster's default
}

func (r resource) String() string { return r.kind.name + " " + r.label() }

func (r resource) label() string {
	if r.kind.name == "broker" && r.name == "" {
		return clusterDefault
	}
	return r.name
}

func parseResource(kind, name string) (resource, error) {
	k, err := parseKind(kind)
	if err != nil {
		return resource{}, err
	}
	if k.name == "broker" && name == clusterDefault {
		return resource{k, ""}, nil
	}
	if _, err := strconv.ParseUint(name, 10, 31); err != nil && strings.HasPrefix(k.name, "broker") {
		return resource{}, usagef("%s %s: expected the id of a broker, a number%s", k.name, name,
			map[bool]string{true: ", or " + clusterDefault}[k.name == "broker"])
	}
	return resource{k, name}, nil
}

// there makes sure that the brokers named are; a client cannot ask others.
func there(ctx context.Context, cl *kgo.Client, asked ...resource) error {
	for _, r := range asked {
		if !strings.HasPrefix(r.kind.name, "broker") || r.name == "" {
			continue
		}
		all, err := resources(ctx, cl, r.kind)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(a resource) bool { return a.name == r.name }) {
			return &notFoundError{fmt.Sprintf("there is no broker %s; leat config list broker shows those that are", r.name)}
		}
	}
	return nil
}

// resources returns all there are of a kind.
func resources(ctx context.Context, cl *kgo.Client, kind resourceKind) ([]resource, error) {
	adm := kadm.NewClient(cl)
	var names []string
	switch kind.name {
	case "topic":
		details, err := adm.ListTopicsWithInternal(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing topics: %w", err)
		}
		names = details.Names()
	case "broker", "broker-logger":
		brokers, err := adm.ListBrokers(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing brokers: %w", err)
		}
		for _, id := range brokers.NodeIDs() {
			names = append(names, strconv.Itoa(int(id)))
		}
		if kind.name == "broker" {
			names = append(names, "")
		}
	case "group":
		groups, err := listGroups(ctx, cl, nil, nil)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			names = append(names, g.Group)
		}
	}
	if kind.name == "group" || kind.name == "client-metrics" {
		more, err := listedResources(ctx, adm, kind)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
		slices.Sort(names)
	}
	var all []resource
	for _, name := range slices.Compact(names) {
		all = append(all, resource{kind, name})
	}
	return all, nil
}

// listedResources is ListConfigResources; brokers before 3.7 do not have it, nor
// any such resource.
func listedResources(ctx context.Context, adm *kadm.Client, kind resourceKind) ([]string, error) {
	versions, err := adm.ApiVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the requests that the brokers know: %w", err)
	}
	for _, v := range versions.Sorted() {
		if _, known := v.KeyMaxVersion(kmsg.NewPtrListConfigResourcesRequest().Key()); v.Err != nil || !known {
			return nil, v.Err
		}
	}
	listed, err := adm.ListConfigResources(ctx, kind.code)
	if err = errors.Join(err, listed.Err); err != nil {
		return nil, fmt.Errorf("listing configurations of kind %s: %w", kind.name, err)
	}
	var names []string
	for _, r := range listed.FilterTypes(kind.code) {
		names = append(names, r.Name)
	}
	return names, nil
}

// resourceArgs completes KIND and NAME.
func (k *cluster) resourceArgs(cmd *cobra.Command, given []string, _ string) (words []string, d cobra.ShellCompDirective) {
	switch len(given) {
	case 0:
		return kindNames(), cobra.ShellCompDirectiveNoFileComp
	case 1:
		err := k.withClient(cmd.Context(), func(ctx context.Context, cl *kgo.Client) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			all, err := resources(ctx, cl, kind)
			for _, r := range all {
				words = append(words, r.label())
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// namedResource is one row of config list.
type namedResource struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func (k *cluster) configListCommand() *cobra.Command {
	return &cobra.Command{Use: "list [KIND]", Aliases: []string{"ls"}, Short: "List what has a configuration",
		Args: args(cobra.MaximumNArgs(1)), ValidArgs: kindNames(),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			kinds := resourceKinds
			if len(given) > 0 {
				kind, err := parseKind(given[0])
				if err != nil {
					return err
				}
				kinds = []resourceKind{kind}
			}
			rows := []namedResource{}
			t := table{header: []string{"KIND", "NAME"}}
			for _, kind := range kinds {
				all, err := resources(ctx, cl, kind)
				if err != nil {
					return err
				}
				for _, r := range all {
					rows = append(rows, namedResource{kind.name, r.label()})
					t.add(kind.name, r.label())
				}
			}
			return show(k.Out, k.output, rows, t)
		})}
}

// sourceName is what Java's tools call where a value comes from.
func sourceName(s kmsg.ConfigSource) string {
	switch s {
	case kmsg.ConfigSourceGroupConfig:
		return "DYNAMIC_GROUP_CONFIG"
	case kmsg.ConfigSourceClientMetricsConfig:
		return "DYNAMIC_CLIENT_METRICS_CONFIG"
	}
	return s.String()
}

// configError turns a broker's answer about a resource into an error.
func configError(r resource, code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return noTopic(r.name)
	}
	return fmt.Errorf("%s: %w", r, withDetail(err, deref(message)))
}
