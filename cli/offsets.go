package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/rest/client"
	"github.com/leat-project/leat/worker/model"
)

func offsetsCommand(d *Deps) *cobra.Command {
	a := &api{Deps: d}
	get := &cobra.Command{Use: "get NAME", Short: "Show a connector's stored offsets", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			o, err := c.Offsets(ctx, names[0])
			if err != nil {
				return err
			}
			t := table{header: []string{"PARTITION", "OFFSET"}}
			for _, p := range o.Offsets {
				partition, err := json.Marshal(p.Partition)
				if err != nil {
					return err
				}
				offset, err := json.Marshal(p.Offset)
				if err != nil {
					return err
				}
				t.add(string(partition), string(offset))
			}
			if len(t.rows) == 0 {
				t.after = "no offsets are stored\n"
			}
			return show(a.Out, a.output, o, t)
		})}
	reset := &cobra.Command{Use: "reset NAME", Short: "Delete all offsets of a stopped connector", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			msg, err := c.ResetOffsets(ctx, names[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Err, msg)
			return err
		})}
	return a.bind(group("offsets", "Show and change the offsets of connectors", get, reset, a.alterCommand()))
}

func (a *api) alterCommand() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "alter NAME -f FILE", Short: "Change offsets of a stopped connector", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		Long: `Change offsets of a stopped connector. The file is JSON as "leat offsets get NAME -o json" prints it; an offset of null deletes. - is standard input.`,
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			offsets, err := a.readOffsets(file)
			if err != nil {
				return err
			}
			msg, err := c.AlterOffsets(ctx, names[0], offsets)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Err, msg)
			return err
		})}
	c.Flags().StringVarP(&file, "filename", "f", "", "file with the offsets, - for standard input")
	return c
}

func (a *api) readOffsets(file string) (o model.ConnectorOffsets, err error) {
	if file == "" {
		return o, usagef("alter needs a file: -f FILE")
	}
	text, err := a.readFile(file)
	if err != nil {
		return o, fmt.Errorf("reading offsets: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // an offset may have more digits than a float64
	if err := d.Decode(&o); err != nil {
		return o, &refusedError{fmt.Sprintf(`%s: %v; expected {"offsets":[{"partition":{...},"offset":{...}}]}`, file, err)}
	}
	return o, nil
}
