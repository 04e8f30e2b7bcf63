package main

import (
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/connectors/debezium/postgres"
	"github.com/leat-project/leat/connectors/file"
	"github.com/leat-project/leat/connectors/jdbc"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/transforms"
)

// plugins returns every plugin that is built into the binary.
func plugins() *plugin.Registry {
	r := &plugin.Registry{}
	converters.Register(r)
	transforms.Register(r)
	file.Register(r)
	jdbc.Register(r)
	postgres.Register(r)
	return r
}
