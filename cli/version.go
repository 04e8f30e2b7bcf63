package cli

import (
	"github.com/spf13/cobra"

	"github.com/leat-project/leat/internal/version"
)

func versionCommand(d *Deps) *cobra.Command {
	var output string
	c := &cobra.Command{Use: "version", Short: "Show the version of this binary", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := version.Get()
			t := table{}
			t.add("leat", v.Version)
			t.add("commit", v.Commit)
			t.add("go", v.Go)
			t.add("behaves as Kafka Connect", v.Connect)
			t.add("behaves as Debezium", v.Debezium)
			return show(d.Out, output, v, t)
		}}
	outputFlag(c, &output)
	return c
}
