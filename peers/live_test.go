//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestJavaToolsOnLiveGroups looks at groups that have a member, and at what is
// refused while they have one.
func TestJavaToolsOnLiveGroups(t *testing.T) {
	b := start(t)
	b.createTopic(t, "live", 3)
	b.tool(t, keyed(30), producerTool, "--topic", "live", "--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
	for _, c := range []struct{ protocol, kind, assignor string }{{"classic", "Classic", "range"}, {"consumer", "Consumer", "uniform"}} {
		t.Run(c.protocol, func(t *testing.T) {
			p := b.spawn(t, "reader", consumerTool, b.bootstrap([]string{"--topic", "live", "--from-beginning", "--group", c.protocol, "--command-property", "group.protocol=" + c.protocol})...)
			eventually(t, stopTimeout, "reading", func() error {
				if n := strings.Count(p.out.String(), "value "); n < 30 {
					return fmt.Errorf("%d values", n)
				}
				return nil
			})
			for _, s := range []step{
				{name: "members", class: groupsTool, args: "--describe --group $G --members --verbose", wants: []string{`^$G console-consumer-\S+|^$G \S{22} `, `/127.0.0.1 console-consumer 3 .*live:0,1,2`}},
				{name: "state", class: groupsTool, args: "--describe --group $G --state", wants: []string{`^$G $B \(1\) $A Stable 1`}},
				{name: "offsets", class: groupsTool, args: "--describe --group $G", wants: []string{`^$G live 2 .* /127.0.0.1 console-consumer`}},
				{name: "list", class: groupsTool, args: "--list --state Stable --type $G", wants: []string{"^$G $K Stable"}},
				{name: "reset", class: groupsTool, args: "--reset-offsets --group $G --all-topics --to-earliest --execute", wants: []string{"Assignments can only be reset if the group '$G' is inactive, but the current state is Stable."}},
				{name: "delete offsets", class: groupsTool, args: "--delete-offsets --group $G --topic live", wants: []string{"GroupSubscribedToTopicException"}},
				{name: "delete", class: groupsTool, args: "--delete --group $G", wants: []string{"GroupNotEmptyException"}},
			} {
				replace := strings.NewReplacer("$G", c.protocol, "$A", c.assignor, "$K", c.kind)
				s.args = replace.Replace(s.args)
				for i := range s.wants {
					s.wants[i] = replace.Replace(s.wants[i])
				}
				t.Run(s.name, func(t *testing.T) { b.step(t, s, "") })
			}
			p.stop(t)
		})
	}
}

// TestJavaToolsOnOpenTransactions ends transactions that their producer does
// not.
func TestJavaToolsOnOpenTransactions(t *testing.T) {
	b := start(t)
	b.createTopic(t, "live", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	open := func(id string) {
		t.Helper()
		producer := b.client(t, kgo.TransactionalID(id), kgo.TransactionTimeout(10*time.Minute), kgo.DefaultProduceTopic("live"))
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(ctx, kgo.StringRecord("never committed")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	run := func(s step) { t.Run(s.name, func(t *testing.T) { b.step(t, s, "") }) }

	open("stuck")
	for _, s := range []step{
		{name: "list", class: transactionsTool, args: "list", wants: []string{"^stuck 1 [0-9]+ Ongoing"}},
		{name: "describe", class: transactionsTool, args: "describe --transactional-id stuck", wants: []string{"^1 stuck [0-9]+ [0-9]+ Ongoing [0-9]+ [0-9]+ [0-9]+ live-0"}},
		{name: "producers", class: transactionsTool, args: "describe-producers --topic live --partition 0", wants: []string{`^[0-9]+ [0-9]+ [0-9-]+ 0 [0-9]+ 0\s*$`}},
		{name: "no hanging ones", class: transactionsTool, args: "find-hanging --broker-id 1", not: "live"},
		{name: "abort", class: transactionsTool, args: "abort --topic live --partition 0 --start-offset 0", not: "xception"},
		{name: "producers after the abort", class: transactionsTool, args: "describe-producers --topic live --partition 0", wants: []string{"^[0-9]+ [0-9]+ [0-9]+ .* None"}},
	} {
		run(s)
	}
	open("forgotten")
	run(step{name: "terminate", class: transactionsTool, args: "forceTerminateTransaction --transactionalId forgotten", not: "xception"})
	run(step{name: "describe terminated", class: transactionsTool, args: "describe --transactional-id forgotten", wants: []string{"^1 forgotten [0-9]+ [0-9]+ Empty"}})
	if got := b.readCommitted(t, "live"); len(got) != 0 {
		t.Errorf("%d records of aborted transactions were read", len(got))
	}
}
