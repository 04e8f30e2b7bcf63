// Package converters registers the converters that are built in; each lives in a
// package of its own below.
package converters

import (
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters/delegating"
	"github.com/leat-project/leat/converters/jsonconv"
	"github.com/leat-project/leat/converters/primitive"
)

// Version is what the converters report: that of the Connect they answer as.
const Version = "4.3.1"

// Register adds the converters to a registry.
func Register(r *plugin.Registry) {
	r.AddConverter(jsonconv.Class, Version, jsonconv.New)
	r.AddHeaderConverter(jsonconv.Class, Version, jsonconv.NewHeader)
	primitive.Register(r, Version)
	delegating.Register(r)
}
