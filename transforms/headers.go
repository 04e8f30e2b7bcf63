package transforms

import (
	"slices"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javavalues"
)

// DropHeaders removes headers by name.
type DropHeaders struct {
	closer
	headers []string
}

// Define declares the keys.
func (t *DropHeaders) Define(d *config.Def) {
	d.List(&t.headers, "headers").Check(listOf(false)).Doc("Names of the headers to remove.")
}

// Configure applies the properties.
func (t *DropHeaders) Configure(props map[string]string) error { return config.Parse(t, props) }

// Apply removes the headers.
func (t *DropHeaders) Apply(r *connect.Record) (bool, error) {
	drop := func(h connect.Header) bool { return slices.Contains(t.headers, h.Key) }
	if !slices.ContainsFunc(r.Headers, drop) {
		return true, nil
	}
	// A copy: a source may use one slice for many records.
	kept := make([]connect.Header, 0, len(r.Headers))
	for _, h := range r.Headers {
		if !drop(h) {
			kept = append(kept, h)
		}
	}
	r.Headers = kept
	return true, nil
}

// InsertHeader adds a header with a fixed value, whose schema is guessed from its text.
type InsertHeader struct {
	closer
	header, literal string
	schema          *data.Schema
	value           data.Value
}

// Define declares the keys.
func (t *InsertHeader) Define(d *config.Def) {
	d.String(&t.header, "header").Check(config.NonNull).Doc("Name of the header.")
	d.String(&t.literal, "value.literal").Check(config.NonNull).Doc("Text of the value; its schema is guessed as for headers that are read.")
}

// Configure applies the properties.
func (t *InsertHeader) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	t.schema, t.value = javavalues.Parse(t.literal)
	return nil
}

// Apply adds the header.
func (t *InsertHeader) Apply(r *connect.Record) (bool, error) {
	// Clone copies lists and maps only: records must not share what can be changed.
	r.Headers = append(r.Headers, connect.Header{Key: t.header, Schema: t.schema, Value: t.value.Clone()})
	return true, nil
}
