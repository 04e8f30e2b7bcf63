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
