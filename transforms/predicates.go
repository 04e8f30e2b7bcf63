package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
)

// HasHeaderKey is true for records with a header of a name.
type HasHeaderKey struct {
	closer
	name string
}

// Define declares the keys.
func (p *HasHeaderKey) Define(d *config.Def) {
	d.String(&p.name, "name").Check(config.NonEmpty).Importance(config.Medium).Doc("Name of the header.")
}

// Configure applies the properties.
func (p *HasHeaderKey) Configure(props map[string]string) error { return config.Parse(p, props) }

// Test reports whether the record has the header.
func (p *HasHeaderKey) Test(r *connect.Record) (bool, error) {
	_, ok := r.Header(p.name)
	return ok, nil
}

// RecordIsTombstone is true for records without a value.
type RecordIsTombstone struct{ closer }

// Define declares no keys.
func (p *RecordIsTombstone) Define(*config.Def) {}

// Configure accepts everything.
func (p *RecordIsTombstone) Configure(map[string]string) error { return nil }

// Test reports whether the value is null.
func (p *RecordIsTombstone) Test(r *connect.Record) (bool, error) { return r.Value.IsNull(), nil }

// TopicNameMatches is true for records whose topic's whole name matches.
type TopicNameMatches struct {
	closer
	pattern string
	regex   *javaregex.Regexp
	topics  javaregex.Memo[matched]
}

type matched struct {
	ok  bool
	err error
}

// Define declares the keys.
func (p *TopicNameMatches) Define(d *config.Def) {
	d.String(&p.pattern, "pattern").Check(config.NonEmpty).Check(validRegex).Importance(config.Medium).
		Doc("Java regular expression that the topic's whole name must match.")
}

// Configure applies the properties.
func (p *TopicNameMatches) Configure(props map[string]string) error {
	if err := config.Parse(p, props); err != nil {
		return err
	}
	var err error
	p.regex, err = javaregex.Compile(p.pattern)
	return err
}

// Test reports whether the topic matches.
func (p *TopicNameMatches) Test(r *connect.Record) (bool, error) {
	m := p.topics.Get(r.Topic, func(topic string) matched {
		ok, err := p.regex.MatchWhole(topic)
		return matched{ok, err}
	})
	return m.ok, m.err
}
