package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/rest/client"
)

func pluginCommand(d *Deps) *cobra.Command {
	a := &api{Deps: d}
	var all bool
	list := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List connector plugins, or all plugins", Args: args(cobra.NoArgs),
		RunE: a.run(func(ctx context.Context, c *client.Client, _ []string) error {
			plugins, err := c.Plugins(ctx, all)
			if err != nil {
				return err
			}
			t := table{header: []string{"TYPE", "CLASS", "VERSION"}}
			for _, p := range plugins {
				t.add(p.Type, p.Class, p.Version)
			}
			return show(a.Out, a.output, plugins, t)
		})}
	list.Flags().BoolVar(&all, "all", false, "transforms, predicates and converters too")
	describe := &cobra.Command{Use: "describe CLASS", Short: "Show a plugin's configuration keys", Args: args(cobra.ExactArgs(1)),
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			keys, err := c.Keys(ctx, names[0])
			if err != nil {
				return err
			}
			t := table{header: []string{"KEY", "TYPE", "DEFAULT", "IMPORTANCE", "DOCUMENTATION"}}
			for _, k := range keys {
				def := "required"
				if !k.Required {
					def = "null"
				}
				if k.DefaultValue != nil {
					def = *k.DefaultValue
				}
				t.add(k.Name, k.Type, def, k.Importance, k.Documentation)
			}
			return show(a.Out, a.output, keys, t)
		})}
	c := group("plugin", "Show what a worker has built in", list, describe)
	c.Aliases = []string{"plugins"}
	return a.bind(c)
}
