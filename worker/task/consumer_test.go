package task

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The topics of a fixed list are asked for only when the assignment is looked at:
// without an admin client asking would panic.
func TestFixedTopicsAreNotListedAgain(t *testing.T) {
	cl, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	c := &consumer{client: cl, topics: []string{"t"}, coverage: coverage{next: time.Now().Add(time.Hour)}}
	if err := c.subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
}
