package transforms

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javadate"
)

// TimestampRouter makes the topic's name from it and the record's time.
type TimestampRouter struct {
	closer
	topicFormat, pattern string
	format               *javadate.Format
	formatErr            error
	lastTopic, lastTime  string
	last                 string
	scratch              []byte
}

// Define declares the keys.
func (t *TimestampRouter) Define(d *config.Def) {
	d.String(&t.topicFormat, "topic.format").Default("${topic}-${timestamp}").
		Doc("New name, in which ${topic} and ${timestamp} stand for the old one and the time.")
	d.String(&t.pattern, "timestamp.format").Default("yyyyMMdd").Doc("Pattern of java.text.SimpleDateFormat for the time, in UTC.")
}

// Configure applies the properties. A wrong pattern is the first record's error, as
// in Java.
func (t *TimestampRouter) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	t.format, t.formatErr = javadate.Compile(t.pattern)
	if t.formatErr != nil {
		t.formatErr = connect.Errorf(connect.ClassIllegalArg, "%s", t.formatErr.Error())
	}
	return nil
}

// Apply renames the topic.
func (t *TimestampRouter) Apply(r *connect.Record) (bool, error) {
	if r.Timestamp == connect.NoTimestamp {
		return false, connect.DataErrorf("Timestamp missing on record: %s", describe(r))
	}
	if t.formatErr != nil {
		return false, t.formatErr
	}
	t.scratch = t.format.Append(t.scratch[:0], r.Timestamp)
	if t.last == "" || string(t.scratch) != t.lastTime || r.Topic != t.lastTopic {
		t.lastTopic, t.lastTime = strings.Clone(r.Topic), string(t.scratch)
		t.last = strings.ReplaceAll(t.topicFormat, "${topic}", r.Topic)
		t.last = strings.ReplaceAll(t.last, "${timestamp}", t.lastTime)
	}
	r.Topic = t.last
	return true, nil
}
