package settings

import (
	"strings"
	"testing"
)

func TestEveryKeyIsExplained(t *testing.T) {
	for name, set := range map[string]Set{"broker": Broker, "topic": Topic, "group": Group} {
		for _, d := range set.All() {
			if len(d.Doc) < 15 || !strings.HasSuffix(d.Doc, ".") {
				t.Errorf("%s key %s is explained by %q, want a sentence", name, d.Name, d.Doc)
			}
			if d.Inert != "" && !strings.Contains(d.Documentation(), d.Inert) {
				t.Errorf("%s key %s does not say why it has no effect", name, d.Name)
			}
		}
	}
	for name := range brokerTexts {
		if _, ok := Broker.Lookup(name); !ok {
			t.Errorf("there is a text for %s, which is no key", name)
		}
	}
}

func TestScaledIgnoresBlanks(t *testing.T) {
	if got := Scaled(" 2 ", 60); got != "120" {
		t.Errorf("2 of 60 are %s", got)
	}
}

// Values are kept, and shown, in one form; what is refused is told in Kafka's
// words (kafka-configs.sh of Kafka 4.3.1 was asked).
func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"cleanup.policy", " compact, delete ", "compact,delete"},
		{"cleanup.policy", "", ""},
		{"cleanup.policy", "delete,foo", "! Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"},
		{"preallocate", " TRUE", "true"},
		{"preallocate", "maybe", "! Invalid value maybe for configuration preallocate: Expected value to be either true or false"},
		{"retention.ms", " +5 ", "5"},
		{"retention.ms", "", "! Invalid value  for configuration retention.ms: Not a number of type LONG"},
		{"segment.ms", "9223372036854775808", "! Invalid value 9223372036854775808 for configuration segment.ms: Not a number of type LONG"},
		{"segment.bytes", "1", "! Invalid value 1 for configuration segment.bytes: Value must be at least 1048576"},
		{"min.cleanable.dirty.ratio", " 0.25", "0.25"},
		{"min.cleanable.dirty.ratio", "1", "1.0"},
		{"min.cleanable.dirty.ratio", "2", "! Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
		{"min.cleanable.dirty.ratio", "NaN", "! Invalid value NaN for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
		{"compression.type", " zstd", "zstd"},
		{"compression.gzip.level", "-1", "-1"},
		{"compression.gzip.level", "0", "! Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{"compression.gzip.level", "10", "! Invalid value 10 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{"leader.replication.throttled.replicas", "*", "*"},
		{"leader.replication.throttled.replicas", "0:1, 1:1", "0:1,1:1"},
		{"leader.replication.throttled.replicas", "foo", "! Invalid value [foo] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."},
		{"remote.storage.enable", "False", "false"},
		{"remote.storage.enable", "TRUE", "! Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
		{"nope", "1", "! Unknown topic config name: nope"},
	} {
		got, err := ParseTopic(tc.name, &tc.value)
		if err != nil {
			got = "! " + err.Error()
		}
		if got != tc.want {
			t.Errorf("%s=%q:\n got %s\nwant %s", tc.name, tc.value, got, tc.want)
		}
	}
	for _, set := range []Set{Broker, Topic, Group} {
		for _, d := range set.All() {
			if d.NoDefault || d.Default == "" {
				continue
			}
			if got, err := d.Parse(d.Default); err != nil || got != d.Default {
				t.Errorf("the default %q of %s becomes %q: %v", d.Default, d.Name, got, err)
			}
		}
	}
}
