// Package file holds the FileStream connectors of Apache Kafka: lines of a text
// file (or standard input) to a topic, and values of topics to lines of a file (or
// standard output). They answer to
// org.apache.kafka.connect.file.FileStreamSourceConnector and ...SinkConnector.
//
// One difference on purpose: the source's position counts bytes, which is what
// resuming needs. Java counts characters and skips bytes, so that it goes wrong
// after text that is not ASCII.
package file

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
)

const version = "4.3.1"

// Register adds both connectors.
func Register(r *plugin.Registry) {
	r.AddSource("org.apache.kafka.connect.file.FileStreamSourceConnector", version,
		func() connect.SourceConnector { return &Source{} })
	r.AddSink("org.apache.kafka.connect.file.FileStreamSinkConnector", version,
		func() connect.SinkConnector { return &Sink{} })
}
