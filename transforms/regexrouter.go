package transforms

import (
	"errors"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
)

// RegexRouter renames topics that match a regular expression as a whole.
type RegexRouter struct {
	closer
	pattern, replacement string
	regex                *javaregex.Regexp
	topics               javaregex.Memo[routed]
}

type routed struct {
	topic string
	err   error
}

// Define declares the keys.
func (t *RegexRouter) Define(d *config.Def) {
	d.String(&t.pattern, "regex").Check(validRegex).Doc("Java regular expression that a topic's whole name must match.")
	d.String(&t.replacement, "replacement").Doc("New name of the topic, in which $1 or ${name} stand for groups.")
}

// Configure applies the properties.
func (t *RegexRouter) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	var err error
	t.regex, err = javaregex.Compile(t.pattern)
	return err
}

// Apply renames the record's topic.
func (t *RegexRouter) Apply(r *connect.Record) (bool, error) {
	to := t.topics.Get(r.Topic, t.route)
	if to.err != nil {
		return false, to.err
	}
	r.Topic = to.topic
	return true, nil
}

func (t *RegexRouter) route(topic string) routed {
	match, err := t.regex.MatchWhole(topic)
	if err != nil || !match {
		return routed{topic, err}
	}
	to, err := t.regex.ReplaceFirst(topic, t.replacement)
	return routed{to, javaError(err)}
}

// javaError gives an error of a regular expression its Java class.
func javaError(err error) error {
	var e *javaregex.Error
	if errors.As(err, &e) {
		return &connect.Error{Class: e.Class, Msg: e.Msg}
	}
	return err
}

// validRegex is RegexValidator.
func validRegex(name string, v any) error {
	s, _ := v.(string)
	if _, err := javaregex.Compile(s); err != nil {
		return config.Invalid(name, v, "Invalid regex: "+err.Error())
	}
	return nil
}
