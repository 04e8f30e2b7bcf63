package cli

import (
	"github.com/spf13/cobra"
)

// logCommand holds what works on log files and log dirs.
func logCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	return group("log", "Look into log files and log dirs, adopt those of Apache Kafka",
		dumpCommand(d), adoptCommand(d), k.logDirsCommand())
}
