package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"gopkg.in/yaml.v3"
)

// table is what a command shows to people.
type table struct {
	header []string
	rows   [][]string
	// after is text below the rows, "" for none.
	after string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// show writes v as JSON or YAML, or the table.
func show(w io.Writer, format string, v any, t table) error {
	switch format {
	case "table", "":
		return t.write(w)
	case "json":
		text, err := indented(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(text))
		return err
	case "yaml":
		text, err := toYAML(v)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return usagef("-o %s: expected table, json or yaml", format)
}

func (t table) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if len(t.rows) > 0 && len(t.header) > 0 {
		if _, err := fmt.Fprintln(tw, strings.Join(t.header, "\t")); err != nil {
			return err
		}
	}
	for _, r := range t.rows {
		for i := range r {
			r[i] = oneLine(r[i])
		}
		if _, err := fmt.Fprintln(tw, strings.Join(r, "\t")); err != nil {
			return err
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, t.after)
	return err
}

// oneLine keeps a cell in its line.
func oneLine(s string) string {
	if s == "" {
		return "-"
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s)
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// toYAML goes through JSON, so that names and order are those of the REST API.
func toYAML(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, err
	}
	block(&node)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// block turns JSON's flow style and quotes into YAML's usual form; a text that
// would read as something else without quotes keeps them.
func block(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.Style = 0
	}
	for _, c := range n.Content {
		block(c)
	}
}
