package validate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/transforms"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

type source struct{ connect.SourceConnector }

func (source) Define(d *config.Def) {
	d.String(nil, "topic").Check(config.NonEmpty)
	d.Password(nil, "secret").Default(nil)
	d.String(nil, `mask.(\d+).chars`).Default(nil)
}

// Validate shows that a connector sees its own result and may add to any key.
func (source) Validate(_ context.Context, props map[string]string, r *config.Result) {
	if props["topic"] == "unreachable" {
		r.AddError("topic", "cannot connect")
	}
}

type onceSource struct{ source }

func (onceSource) ExactlyOnceSupport(props map[string]string) bool { return props["topic"] != "never" }
func (onceSource) DefinesBoundaries(map[string]string) bool        { return false }

type sink struct{ connect.SinkConnector }

func (sink) Define(*config.Def) {}

func newValidator(w validate.Worker) *validate.Validator {
	reg := &plugin.Registry{}
	reg.AddSource("x.PlainSource", "1", func() connect.SourceConnector { return source{} })
	reg.AddSource("x.OnceSource", "1", func() connect.SourceConnector { return onceSource{} })
	reg.AddSink("x.PlainSink", "", func() connect.SinkConnector { return sink{} })
	converters.Register(reg)
	transforms.Register(reg)
	if w.GroupID == "" {
		w.GroupID = "connect-workers"
	}
	return validate.New(reg, w)
}

// props builds a configuration from pairs.
func props(pairs ...string) map[string]string {
	m := map[string]string{"name": "n"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func TestErrors(t *testing.T) {
	none, err := validate.NewPolicy("None", nil)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := validate.NewPolicy("org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy", nil)
	if err != nil {
		t.Fatal(err)
	}
	const noVersion = "Plugin x.PlainSource not found that matches the version range [9,9], available versions: [1]"
	const noOnce = "This worker does not have exactly-once source support enabled."
	for _, c := range []struct {
		name   string
		worker validate.Worker
		props  map[string]string
		want   []string // key: message
	}{
		{"good", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t"), nil},
		{"own check", validate.Worker{}, props("connector.class", "PlainSource", "topic", "unreachable"), []string{"topic: cannot connect"}},
		{"dead letters to an input", validate.Worker{}, props("connector.class", "PlainSink", "topics", "a, b", "errors.deadletterqueue.topic.name", "b"),
			[]string{"topics: The DLQ topic 'b' may not be included in the list of topics ('topics=[a, b]') consumed by the connector"}},
		{"dead letters match", validate.Worker{}, props("connector.class", "PlainSink", "topics.regex", "d.*", "errors.deadletterqueue.topic.name", "dlq"),
			[]string{"topics.regex: The DLQ topic 'dlq' may not be matched by the regex for the topics ('topics.regex=d.*') consumed by the connector"}},
		{"the worker's group", validate.Worker{GroupID: "connect-n"}, props("connector.class", "PlainSink", "topics", "a"),
			[]string{"name: Consumer group for sink connector named n conflicts with Connect worker group connect-n"}},
		{"the worker's group, overridden", validate.Worker{}, props("connector.class", "PlainSink", "topics", "a", "consumer.override.group.id", "connect-workers"),
			[]string{"consumer.override.group.id: Consumer group connect-workers conflicts with Connect worker group connect-workers"}},
		{"policy None", validate.Worker{Overrides: none}, props("connector.class", "PlainSource", "topic", "t", "producer.override.acks", "1"),
			[]string{"producer.override.acks: The 'None' policy does not allow 'acks' to be overridden in the connector configuration."}},
		{"policy Principal", validate.Worker{Overrides: principal}, props("connector.class", "PlainSource", "topic", "t", "producer.override.sasl.mechanism", "PLAIN"), nil},
		{"exactly once, worker off", validate.Worker{}, props("connector.class", "OnceSource", "topic", "t", "exactly.once.support", "required"), []string{"exactly.once.support: " + noOnce}},
		{"exactly once", validate.Worker{ExactlyOnce: true}, props("connector.class", "OnceSource", "topic", "t", "exactly.once.support", "REQUIRED"), nil},
		{"exactly once, not so", validate.Worker{ExactlyOnce: true}, props("connector.class", "OnceSource", "topic", "never", "exactly.once.support", "required"),
			[]string{"exactly.once.support: The connector does not support exactly-once semantics with the provided configuration."}},
		{"boundaries", validate.Worker{}, props("connector.class", "OnceSource", "topic", "t", "transaction.boundary", "connector"),
			[]string{"transaction.boundary: The connector does not support connector-defined transaction boundaries with the given configuration. Please reconfigure it to use a different transaction boundary definition."}},
		{"negate without predicate", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "transforms", "a", "transforms.a.type", "Filter", "transforms.a.negate", "true"),
			[]string{"transforms.a.type: Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be negated."}},
		{"unknown transform", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "transforms", "a", "transforms.a.type", "Nope"),
			[]string{"transforms.a.type: Invalid value Nope for configuration transforms.a.type: Class Nope could not be found."}},
		{"key of a transform", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "transforms", "a", "transforms.a.type", "RegexRouter", "transforms.a.regex", "x"),
			[]string{`transforms.a.replacement: Missing required configuration "transforms.a.replacement" which has no default value.`}},
		{"alias twice", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "predicates", "p,p", "predicates.p.type", "RecordIsTombstone"),
			[]string{"predicates: Invalid value [p, p] for configuration predicates: Duplicate alias provided."}},
		{"unknown converter", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "value.converter", "Nope"),
			[]string{"value.converter: Invalid value Nope for configuration value.converter: Class Nope could not be found."}},
		{"version", validate.Worker{}, props("connector.class", "PlainSource", "connector.plugin.version", "9"),
			[]string{"connector.class: " + noVersion, "connector.plugin.version: " + noVersion}},
		{"version that fits", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "connector.plugin.version", "[1,2)"), nil},
		{"key of a converter", validate.Worker{}, props("connector.class", "PlainSource", "topic", "t", "value.converter", "JsonConverter", "value.converter.schemas.enable", "x"),
			[]string{"value.converter.schemas.enable: Invalid value x for configuration schemas.enable: Expected value to be either true or false"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			report, err := newValidator(c.worker).Validate(context.Background(), model.ConfigOf(c.props))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range report.Configs {
				for _, e := range i.Value.Errors {
					got = append(got, i.Value.Name+": "+e)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("errors %q, want %q", got, c.want)
			}
			if report.ErrorCount != len(c.want) {
				t.Errorf("error_count = %d, want %d", report.ErrorCount, len(c.want))
			}
		})
	}
}

func TestSecretsAreNotReported(t *testing.T) {
	report, err := newValidator(validate.Worker{}).Validate(context.Background(),
		model.ConfigOf(props("connector.class", "PlainSource", "topic", "t", "secret", "s3cret", "producer.override.sasl.jaas.config", "s3cret")))
	if err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for _, i := range report.Configs {
		if v := i.Value.Value; v != nil && *v == "[hidden]" {
			hidden++
		} else if v != nil && strings.Contains(*v, "s3cret") {
			t.Errorf("%s shows its value", i.Value.Name)
		}
	}
	if hidden != 2 {
		t.Errorf("%d values are hidden, want 2", hidden)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		props map[string]string
		want  string
	}{
		{"no class", props("a", "b"), "Connector config {a=b, name=n} contains no connector type"},
		{"unknown class", props("connector.class", "Nope"), "Failed to find any class that implements Connector and which name matches Nope, available connectors are: "},
	} {
		_, err := newValidator(validate.Worker{}).Validate(context.Background(), model.ConfigOf(c.props))
		var bad *model.BadRequestError
		if !errors.As(err, &bad) || !strings.HasPrefix(bad.Msg, c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := validate.NewPolicy("Bogus", nil); err == nil {
		t.Error("an unknown policy is accepted")
	}
}

func TestErr(t *testing.T) {
	report, err := newValidator(validate.Worker{}).Validate(context.Background(), model.ConfigOf(props("connector.class", "PlainSource", "tasks.max", "x")))
	if err != nil {
		t.Fatal(err)
	}
	const want = `Connector configuration is invalid and contains the following 3 error(s):
Invalid value x for configuration tasks.max: Not a number of type INT
Invalid value null for configuration tasks.max: Value must be non-null
Missing required configuration "topic" which has no default value.
` + "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
	if got := report.Err(); got == nil || got.Error() != want {
		t.Errorf("error %v, want %s", got, want)
	}
}

func TestUnknown(t *testing.T) {
	p := props("connector.class", "PlainSource", "topic", "t", "tpoic", "u", "producer.override.acks", "1", "mask.5.chars", "a",
		"transforms", "a", "transforms.a.type", "Filter", "transforms.a.nope", "x")
	report, err := newValidator(validate.Worker{}).Validate(context.Background(), model.ConfigOf(p))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := report.Unknown(p), []string{"tpoic", "transforms.a.nope"}; !slices.Equal(got, want) {
		t.Errorf("unknown keys %v, want %v", got, want)
	}
}

func TestResolveIsAppliedFirst(t *testing.T) {
	w := validate.Worker{Resolve: func(p map[string]string) (map[string]string, error) {
		return props("connector.class", p["connector.class"], "topic", strings.ReplaceAll(p["topic"], "${x}", "")), nil
	}}
	report, err := newValidator(w).Validate(context.Background(), model.ConfigOf(props("connector.class", "PlainSource", "topic", "${x}")))
	if err != nil {
		t.Fatal(err)
	}
	if report.ErrorCount != 1 {
		t.Errorf("an empty resolved topic is accepted: %+v", report)
	}
}

func TestResolvedValuesAreNotShown(t *testing.T) {
	w := validate.Worker{Resolve: func(p map[string]string) (map[string]string, error) {
		out := map[string]string{}
		for k, v := range p {
			out[k] = strings.ReplaceAll(v, "${file:x}", "s3cret")
		}
		return out, nil
	}}
	report, err := newValidator(w).Validate(context.Background(), model.ConfigOf(props("connector.class", "PlainSource", "topic", "${file:x}", "tasks.max", "${file:x}")))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range report.Configs {
		if v := i.Value.Value; v != nil && strings.Contains(*v, "s3cret") || strings.Contains(strings.Join(i.Value.Errors, ""), "s3cret") {
			t.Errorf("%s shows what a reference resolves to: %+v", i.Value.Name, i.Value)
		}
		if i.Value.Name == "topic" && *i.Value.Value != "${file:x}" {
			t.Errorf("topic is shown as %s", *i.Value.Value)
		}
	}
	if e := report.Err(); e == nil || !strings.Contains(e.Error(), "Invalid value ${file:x} for configuration tasks.max: Not a number of type INT") {
		t.Errorf("error %v", e)
	}
	if _, err := newValidator(w).Validate(context.Background(), model.ConfigOf(props("database.password", "s3cret"))); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a configuration without a class is answered with %v", err)
	}
}
