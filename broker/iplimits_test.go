package broker

import (
	"context"
	"log/slog"
	"testing"
)

// Names are looked up elsewhere, addresses take effect at once, and a look-up that
// ends late does not undo a later change.
func TestNamesOfIPLimits(t *testing.T) {
	var later []func(context.Context) error
	b := &Broker{log: slog.New(slog.DiscardHandler)}
	b.limitIPs("")
	b.tasks = func(f func(context.Context) error) { later = append(later, f) }
	b.limitIPs("localhost:3")
	if len(later) != 1 || len(*b.ipLimits.byAddress.Load()) != 0 {
		t.Fatalf("%d look-ups handed over, limits %v; want 1 and none", len(later), *b.ipLimits.byAddress.Load())
	}
	b.limitIPs("localhost:3")
	if len(later) != 1 {
		t.Fatal("the same value is looked up again")
	}
	if err := later[0](t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := (*b.ipLimits.byAddress.Load())["127.0.0.1"]; n != 3 {
		t.Fatalf("limit of 127.0.0.1 = %d, want 3", n)
	}
	b.limitIPs("localhost:5")
	b.limitIPs("127.0.0.1:4")
	if err := later[1](t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := (*b.ipLimits.byAddress.Load())["127.0.0.1"]; n != 4 {
		t.Fatalf("limit of 127.0.0.1 = %d, want 4", n)
	}
}
