// Package debezium holds the single message transforms of Debezium
// (io.debezium.transforms), one a file.
//
// ExtractNewRecordState builds the flat row without copying values where it can: the
// values of before or after are taken over by a struct of the new schema. Unchanged
// values pass as they are.
package debezium

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
)

// Version is what the transforms report: that of the Debezium they answer as.
const Version = "3.5.0.Final"

// Register adds the transforms to a registry.
func Register(r *plugin.Registry) {
	r.AddTransform("io.debezium.transforms.ExtractNewRecordState", Version,
		func() connect.Transform { return &ExtractNewRecordState{} })
}
