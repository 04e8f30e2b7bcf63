package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/props"
)

// change is one change of a key.
type change struct {
	Key   string  `json:"key"`
	Op    string  `json:"op"` // set, unset, append, subtract
	Value *string `json:"value,omitempty"`
}

var changeCodes = map[string]kmsg.IncrementalAlterConfigOp{"set": kmsg.IncrementalAlterConfigOpSet, "unset": kmsg.IncrementalAlterConfigOpDelete,
	"append": kmsg.IncrementalAlterConfigOpAppend, "subtract": kmsg.IncrementalAlterConfigOpSubtract}

// changed is what -o json shows of config set and unset.
type changed struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	DryRun  bool     `json:"dry_run"`
	Changes []change `json:"changes"`
}

func (k *cluster) configSetCommand() *cobra.Command {
	var added, removed []string
	var file string
	var dryRun bool
	c := &cobra.Command{Use: "set KIND NAME KEY=VALUE...", Short: "Set keys of a configuration; others keep their values", ValidArgsFunction: k.resourceArgs,
		Args: args(cobra.MinimumNArgs(2)),
		Long: "Set keys of a configuration; others keep their values. --append and --subtract change values that are lists. " +
			"KIND is one of " + strings.Join(kindNames(), ", ") + ".",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			r, err := parseResource(given[0], given[1])
			if err != nil {
				return err
			}
			if err := there(ctx, cl, r); err != nil {
				return err
			}
			var changes []change
			if file != "" {
				settings, err := props.Load(file)
				if err != nil {
					return &refusedError{fmt.Sprintf("--file: %v", err)}
				}
				for _, key := range slices.Sorted(maps.Keys(settings)) {
					value := settings[key]
					changes = append(changes, change{key, "set", &value})
				}
			}
			for _, op := range []struct {
				name  string
				texts []string
			}{{"set", given[2:]}, {"append", added}, {"subtract", removed}} {
				for _, text := range op.texts {
					key, value, ok := strings.Cut(text, "=")
					if !ok || key == "" {
						return usagef("%s: expected KEY=VALUE", text)
					}
					changes = append(changes, change{key, op.name, &value})
				}
			}
			if len(changes) == 0 {
				return usagef("nothing to set: give KEY=VALUE, --append, --subtract or --file")
			}
			return k.alter(ctx, cl, r, changes, dryRun)
		})}
	c.Flags().StringArrayVar(&added, "append", nil, "KEY=VALUE: add elements to a list; may be repeated")
	c.Flags().StringArrayVar(&removed, "subtract", nil, "KEY=VALUE: take elements out of a list; may be repeated")
	c.Flags().StringVarP(&file, "file", "f", "", "properties file with keys to set")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "let the broker check the change, and change nothing")
	return c
}

func (k *cluster) configUnsetCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{Use: "unset KIND NAME KEY...", Short: "Remove values, so that what is inherited holds", ValidArgsFunction: k.resourceArgs,
		Args: args(cobra.MinimumNArgs(3)),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			r, err := parseResource(given[0], given[1])
			if err != nil {
				return err
			}
			if err := there(ctx, cl, r); err != nil {
				return err
			}
			described, err := describeConfigs(ctx, cl, []resource{r}, nil, false)
			if err != nil {
				return err
			}
			var changes []change
			for _, key := range given[2:] {
				if !slices.ContainsFunc(described, func(d resourceConfig) bool {
					return slices.ContainsFunc(d.Configs, func(c configValue) bool { return c.Key == key && c.own })
				}) {
					return &refusedError{fmt.Sprintf("%s has no value of its own for %s; leat config get %s shows those it has", r, key, r)}
				}
				changes = append(changes, change{Key: key, Op: "unset"})
			}
			return k.alter(ctx, cl, r, changes, dryRun)
		})}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "let the broker check the change, and change nothing")
	return c
}

func (k *cluster) alter(ctx context.Context, cl *kgo.Client, r resource, changes []change, dryRun bool) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = dryRun
	q := kmsg.NewIncrementalAlterConfigsRequestResource()
	q.ResourceType, q.ResourceName = r.kind.code, r.name
	for _, c := range changes {
		a := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		a.Name, a.Op, a.Value = c.Key, changeCodes[c.Op], c.Value
		q.Configs = append(q.Configs, a)
	}
	req.Resources = append(req.Resources, q)
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return fmt.Errorf("changing the configuration of %s: %w", r, shard.Err)
		}
		for _, a := range shard.Resp.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			if err := configError(r, a.ErrorCode, a.ErrorMessage); err != nil {
				return err
			}
		}
	}
	what := "changed"
	if dryRun {
		what = "would be changed; dry run, nothing is"
	}
	if _, err := fmt.Fprintf(k.Err, "%s %s\n", r, what); err != nil {
		return err
	}
	t := table{header: []string{"KEY", "CHANGE", "VALUE"}}
	shown := slices.Clone(changes)
	for i, c := range shown {
		if config.SoundsSecret(c.Key) && c.Value != nil {
			mask := hidden
			shown[i].Value = &mask
		}
		t.add(c.Key, c.Op, deref(shown[i].Value))
	}
	return show(k.Out, k.output, changed{r.kind.name, r.label(), dryRun, shown}, t)
}
