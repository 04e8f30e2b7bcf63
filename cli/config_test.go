package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "orders")
	file := filepath.Join(t.TempDir(), "t.properties")
	if err := os.WriteFile(file, []byte("segment.ms=60000\nsegment.bytes=1048576\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, out, remark string }{
		{"get topic orders", "nothing is set; --all shows what holds by default\n", ""},
		{"set topic orders retention.ms=1000 --dry-run", "KEY CHANGE VALUE\nretention.ms set 1000\n", "dry run"},
		{"get topic orders", "nothing is set; --all shows what holds by default\n", ""},
		{"set topic orders retention.ms=1000 cleanup.policy=compact", "KEY CHANGE VALUE\nretention.ms set 1000\ncleanup.policy set compact\n", "topic orders changed\n"},
		{"set topic orders --append cleanup.policy=delete", "KEY CHANGE VALUE\ncleanup.policy append delete\n", ""},
		{"get topic orders", `NAME KEY VALUE SOURCE
orders cleanup.policy compact,delete DYNAMIC_TOPIC_CONFIG
orders retention.ms 1000 DYNAMIC_TOPIC_CONFIG
`, ""},
		{"set topic orders --subtract cleanup.policy=compact", "KEY CHANGE VALUE\ncleanup.policy subtract compact\n", ""},
		{"get topic orders --all -k cleanup.policy", `NAME KEY VALUE SOURCE SYNONYMS
orders cleanup.policy delete DYNAMIC_TOPIC_CONFIG DYNAMIC_TOPIC_CONFIG:cleanup.policy=delete, DEFAULT_CONFIG:log.cleanup.policy=delete
`, ""},
		{"unset topic orders retention.ms cleanup.policy", "KEY CHANGE VALUE\nretention.ms unset -\ncleanup.policy unset -\n", ""},
		{"set topic orders -f " + file, "KEY CHANGE VALUE\nsegment.bytes set 1048576\nsegment.ms set 60000\n", ""},
		{"get topic orders -k segment.ms", "NAME KEY VALUE SOURCE\norders segment.ms 60000 DYNAMIC_TOPIC_CONFIG\n", ""},
		{"set broker default log.retention.ms=3600000", "KEY CHANGE VALUE\nlog.retention.ms set 3600000\n", "broker default changed"},
		{"get broker default", "NAME KEY VALUE SOURCE\ndefault log.retention.ms 3600000 DYNAMIC_DEFAULT_BROKER_CONFIG\n", ""},
		{"get topic orders --all -k retention.ms", `NAME KEY VALUE SOURCE SYNONYMS
orders retention.ms 3600000 DYNAMIC_DEFAULT_BROKER_CONFIG DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=3600000, DEFAULT_CONFIG:log.retention.hours=168
`, ""},
		{"unset broker default log.retention.ms", "KEY CHANGE VALUE\nlog.retention.ms unset -\n", ""},
		{"set group readers consumer.session.timeout.ms=50000", "KEY CHANGE VALUE\nconsumer.session.timeout.ms set 50000\n", ""},
		{"get group", "NAME KEY VALUE SOURCE\nreaders consumer.session.timeout.ms 50000 DYNAMIC_GROUP_CONFIG\n", ""},
		{"list group", "KIND NAME\ngroup readers\n", ""},
	} {
		r := s.ok("", append([]string{"config"}, strings.Fields(c.args)...)...)
		if steady(r.out) != c.out || !strings.Contains(r.err, c.remark) {
			t.Errorf("config %s: %q and %q, want %q and %q", c.args, steady(r.out), r.err, c.out, c.remark)
		}
	}
	r := s.ok("", "config", "get", "broker", "1", "--all", "-o", "json")
	var got []struct {
		Kind, Name string
		Configs    []struct {
			Key, Source, Type string
			ReadOnly          bool `json:"read_only"`
		}
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Kind != "broker" || got[0].Name != "1" || len(got[0].Configs) < 50 {
		t.Fatalf("get broker 1 --all: %s", r.out)
	}
	for _, c := range got[0].Configs {
		if c.Source == "" || c.Type == "" {
			t.Errorf("incomplete: %+v", c)
		}
		if c.Key == "log.dirs" && (c.Source != "STATIC_BROKER_CONFIG" || !c.ReadOnly) {
			t.Errorf("log.dirs: %+v", c)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "orders")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"get planet", 2, "expected one of topic, broker, broker-logger, group, client-metrics"},
		{"get broker x", 2, "the id of a broker, a number, or default"},
		{"get broker-logger default", 2, "the id of a broker"},
		{"get broker 77", 3, "no broker 77"},
		{"get topic nope", 3, "no topic nope"},
		{"set topic nope retention.ms=1", 3, "no topic nope"},
		{"set topic orders", 2, "KEY=VALUE"},
		{"set topic orders retention.ms", 2, "KEY=VALUE"},
		{"set topic orders retention.ms=x", 6, "INVALID_CONFIG: Invalid value x for configuration retention.ms: Not a number of type LONG"},
		{"set topic orders retenton.ms=1", 6, "retenton.ms"},
		{"set topic orders -f /nope", 6, "/nope"},
		{"set topic orders --append retention.ms=1", 6, "retention.ms"},
		{"set broker 1 log.dirs=/x", 6, "log.dirs"},
		{"set broker 1 listeners=PLAINTEXT://127.0.0.1:1", 6, "listeners"},
		{"set broker 1 metric.reporters=com.example.Reporter", 6, "metric.reporters"},
		{"set broker default metric.reporters=com.example.Reporter", 6, "metric.reporters"},
		{"set broker 1 no.such.key=1", 6, "no.such.key"},
		{"unset topic orders retention.ms", 6, "no value of its own for retention.ms"},
	} {
		t.Run(c.args, func(t *testing.T) {
			if r := s.run("", append([]string{"config"}, strings.Fields(c.args)...)...); r.code != c.code || !strings.Contains(r.err, c.want) {
				t.Errorf("exit code %d: %q, want %d and %q", r.code, r.err, c.code, c.want)
			}
		})
	}
}

func TestConfigCompletion(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "orders")
	for _, c := range []struct {
		given []string
		want  string
	}{
		{[]string{""}, "broker-logger\n"},
		{[]string{"topic", ""}, "orders\n"},
		{[]string{"broker", ""}, "default\n"},
	} {
		if r := s.ok("", append([]string{"__complete", "config", "set"}, c.given...)...); !strings.Contains(r.out, c.want) {
			t.Errorf("completion of %q: %q", c.given, r.out)
		}
	}
}
