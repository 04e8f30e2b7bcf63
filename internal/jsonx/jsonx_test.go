package jsonx_test

import (
	"testing"

	"github.com/leat-project/leat/internal/jsonx"
)

func TestMarshal(t *testing.T) {
	got, err := jsonx.Marshal(map[string]any{"a": "<b> & c", "n": nil})
	if err != nil || string(got) != `{"a":"<b> & c","n":null}` {
		t.Fatalf("%s, error %v", got, err)
	}
	if _, err := jsonx.Marshal(make(chan int)); err == nil {
		t.Fatal("a channel became JSON")
	}
}
