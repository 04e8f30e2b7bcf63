package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// resourceConfig is one resource of config get.
type resourceConfig struct {
	Kind    string        `json:"kind"`
	Name    string        `json:"name"`
	Configs []configValue `json:"configs"`
}

type configValue struct {
	Key       string          `json:"key"`
	Value     *string         `json:"value"` // null if it is secret
	Source    string          `json:"source"`
	Sensitive bool            `json:"sensitive"`
	ReadOnly  bool            `json:"read_only"`
	Type      string          `json:"type,omitempty"`
	Synonyms  []configSynonym `json:"synonyms,omitempty"`
	Doc       string          `json:"documentation,omitempty"`
	own       bool
}

// configSynonym is a value that would hold if those before it were not set.
type configSynonym struct {
	Key    string  `json:"key"`
	Value  *string `json:"value"`
	Source string  `json:"source"`
}

func (k *cluster) configGetCommand() *cobra.Command {
	var all, docs bool
	var keys []string
	c := &cobra.Command{Use: "get KIND [NAME...]", Short: "Show configurations; without names, of all there are", ValidArgsFunction: k.resourceArgs,
		Args: args(cobra.MinimumNArgs(1)),
		Long: "Show the values that were set on topics, brokers, loggers, groups or client metrics subscriptions. --all adds what they inherit: " +
			"values of the cluster, of server.properties and defaults, with where each comes from and what would hold without it. " +
			"KIND is one of " + strings.Join(kindNames(), ", ") + ".",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			var asked []resource
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			for _, name := range given[1:] {
				r, err := parseResource(given[0], name)
				if err != nil {
					return err
				}
				asked = append(asked, r)
			}
			if err := there(ctx, cl, asked...); err != nil {
				return err
			}
			if len(asked) == 0 {
				if asked, err = resources(ctx, cl, kind); err != nil {
					return err
				}
			}
			described, err := describeConfigs(ctx, cl, asked, keys, docs)
			if described == nil {
				return err
			}
			for i := range described {
				if !all && len(keys) == 0 {
					described[i].Configs = slices.DeleteFunc(described[i].Configs, func(c configValue) bool { return !c.own })
				}
			}
			return errors.Join(show(k.Out, k.output, described, configTable(described, all, docs)), err)
		})}
	c.Flags().BoolVarP(&all, "all", "a", false, "inherited values, too, with synonyms")
	c.Flags().BoolVar(&docs, "docs", false, "with the documentation of the keys")
	c.Flags().StringSliceVarP(&keys, "key", "k", nil, "only these keys")
	return c
}

func configTable(described []resourceConfig, synonyms, docs bool) table {
	t := table{header: []string{"NAME", "KEY", "VALUE", "SOURCE"}}
	if synonyms {
		t.header = append(t.header, "SYNONYMS")
	}
	if docs {
		t.header = append(t.header, "DOCUMENTATION")
	}
	for _, r := range described {
		for _, c := range r.Configs {
			cells := []string{r.Name, c.Key, c.text(c.Value), c.Source}
			if synonyms {
				var s []string
				for _, syn := range c.Synonyms {
					s = append(s, syn.Source+":"+syn.Key+"="+c.text(syn.Value))
				}
				cells = append(cells, strings.Join(s, ", "))
			}
			if docs {
				cells = append(cells, c.Doc)
			}
			t.add(cells...)
		}
	}
	if len(t.rows) == 0 {
		t.after = "nothing is set; --all shows what holds by default\n"
	}
	return t
}

func (c configValue) text(value *string) string {
	switch {
	case c.Sensitive:
		return hidden
	case value == nil:
		return "null"
	case *value == "":
		return `""`
	}
	return *value
}

// describeConfigs asks for the configurations of resources, in their order; keys
// nil: all. Resources that failed are left out and in the error.
func describeConfigs(ctx context.Context, cl *kgo.Client, asked []resource, keys []string, docs bool) ([]resourceConfig, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, docs
	for _, r := range asked {
		q := kmsg.NewDescribeConfigsRequestResource()
		q.ResourceType, q.ResourceName, q.ConfigNames = r.kind.code, r.name, keys
		req.Resources = append(req.Resources, q)
	}
	var errs []error
	answers := map[string]resourceConfig{}
	if len(asked) > 0 {
		for _, shard := range cl.RequestSharded(ctx, req) {
			if shard.Err != nil {
				errs = append(errs, fmt.Errorf("reading configurations: %w", shard.Err))
				continue
			}
			for _, a := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
				r := resource{asked[0].kind, a.ResourceName}
				if err := configError(r, a.ErrorCode, a.ErrorMessage); err != nil {
					errs = append(errs, err)
					continue
				}
				answers[r.name] = viewOf(r, a)
			}
		}
	}
	described := []resourceConfig{}
	for _, r := range asked {
		if a, there := answers[r.name]; there {
			described = append(described, a)
		} else if len(errs) == 0 {
			errs = append(errs, fmt.Errorf("%s: the broker did not answer for it", r))
		}
	}
	if len(described) == 0 && len(errs) > 0 {
		described = nil
	}
	return described, errors.Join(errs...)
}

func viewOf(r resource, a kmsg.DescribeConfigsResponseResource) resourceConfig {
	own := r.kind.own
	if r.kind.name == "broker" && r.name == "" {
		own = kmsg.ConfigSourceDynamicDefaultBrokerConfig
	}
	out := resourceConfig{Kind: r.kind.name, Name: r.label(), Configs: []configValue{}}
	for _, c := range a.Configs {
		v := configValue{Key: c.Name, Value: c.Value, Source: sourceName(c.Source), Sensitive: c.IsSensitive, ReadOnly: c.ReadOnly,
			Doc: deref(c.Documentation), own: own == 0 || c.Source == own}
		if c.ConfigType != 0 {
			v.Type = c.ConfigType.String()
		}
		for _, s := range c.ConfigSynonyms {
			v.Synonyms = append(v.Synonyms, configSynonym{s.Name, s.Value, sourceName(s.Source)})
		}
		out.Configs = append(out.Configs, v)
	}
	slices.SortFunc(out.Configs, func(a, b configValue) int { return strings.Compare(a.Key, b.Key) })
	return out
}
