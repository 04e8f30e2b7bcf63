package broker

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocListsRequests keeps the table in doc.go true.
func TestDocListsRequests(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, a := range requestTable() {
		if a == nil {
			continue
		}
		note := ""
		if a.lowest != nil {
			note = fmt.Sprintf(" (advertised from %d)", *a.lowest)
		}
		fmt.Fprintf(&want, "//\t%2d %s %d-%d%s\n", a.key, a.name(), a.min, a.max, note)
	}
	if !strings.Contains(string(doc), want.String()) {
		t.Fatalf("doc.go lacks the table:\n%s", want.String())
	}
}
