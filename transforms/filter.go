package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
)

// Filter drops every record it is given; predicates choose which.
type Filter struct{ closer }

// Define declares no keys.
func (t *Filter) Define(*config.Def) {}

// Configure accepts everything.
func (t *Filter) Configure(map[string]string) error { return nil }

// Apply drops the record.
func (t *Filter) Apply(*connect.Record) (bool, error) { return false, nil }
