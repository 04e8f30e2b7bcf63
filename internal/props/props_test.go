package props_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leat-project/leat/internal/props"
)

func TestParse(t *testing.T) {
	in := "# comment\n! other comment\nnode.id=1\nlisteners = PLAINTEXT://:9092,\\\n   SSL://:9093\nempty=\nkey:with colon\nlit=${file:/x:y}\nu=\\u00e9\nnode.id=2\n"
	got, err := props.Parse("test", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"node.id": "2", "listeners": "PLAINTEXT://:9092,SSL://:9093", "empty": "",
		"key": "with colon", "lit": "${file:/x:y}", "u": "\u00e9",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("properties differ (-want +got):\n%s", d)
	}
}

func TestFromEnv(t *testing.T) {
	env := []string{"KAFKA_NODE_ID=1", "KAFKA_LOG_DIRS=/a=b", "KAFKA_A__B_C___D=x", "CONNECT_X=1", "KAFKA_=no", "PATH=/bin"}
	want := map[string]string{"node.id": "1", "log.dirs": "/a=b", "a_b.c-d": "x"}
	if d := cmp.Diff(want, props.FromEnv("KAFKA_", env)); d != "" {
		t.Fatalf("keys differ (-want +got):\n%s", d)
	}
}
