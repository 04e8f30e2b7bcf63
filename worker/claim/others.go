package claim

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The ways out for an operator.
const (
	ownGroup = "give this worker a group.id and storage topics of its own " +
		"(group.id, config.storage.topic, offset.storage.topic, status.storage.topic)"
	uuidLen = 36 // Kafka's member ids end in - and a UUID
)

// owner is the instance id, or client id, that a member id was made of.
func owner(member string) string {
	if n := len(member) - uuidLen - 1; n > 0 && member[n] == '-' {
		return member[:n]
	}
	return member
}

// second is the error of a worker that is not the first of its group.
func (c *Claim) second(ctx context.Context, leader string) error {
	who := owner(leader)
	if g, _ := c.describe(ctx); g != nil { // for its host only: the error says enough without
		for _, m := range g.Members {
			if m.MemberID == leader {
				who += " at " + host(m)
			}
		}
	}
	if c.has {
		return &conflict{fmt.Sprintf("group.id %s: while Kafka did not hear of this worker, another one (%s) took the group over: this one "+
			"stops, since both would run every task. Stop the other, or %s", c.cfg.Group, who, ownGroup)}
	}
	return &conflict{fmt.Sprintf("group.id %s: another worker (%s) runs in this group: both would run every task. Stop it and start this "+
		"worker again, or %s", c.cfg.Group, who, ownGroup)}
}

// fenced is the error of a worker whose place was taken.
func (c *Claim) fenced() error {
	return &conflict{fmt.Sprintf("group.id %s: another worker started with the id of this one (%s) and took its place: this one stops, since "+
		"both would run every task. If they are meant to be two, %s, and another rest.advertised.host.name or port", c.cfg.Group,
		c.cfg.ID, ownGroup)}
}

// foreign is the error for a group of another protocol.
func (c *Claim) foreign(ctx context.Context) error {
	if g, _ := c.describe(ctx); g != nil && len(g.Members) > 0 {
		return c.occupied(ctx, g)
	}
	return &conflict{fmt.Sprintf("group.id %s: members of another kind are alive in this group, Kafka Connect workers of Java or consumers: "+
		"those workers and this one would each run every task. Stop them and start this worker again, or %s", c.cfg.Group, ownGroup)}
}

// occupied is the error for a group with members that this worker can see.
func (c *Claim) occupied(ctx context.Context, g *kmsg.DescribeGroupsResponseGroup) error {
	m := g.Members[0]
	who := m.ClientID + " at " + host(m)
	switch g.ProtocolType {
	case "connect":
		var java kmsg.ConnectMemberMetadata
		if java.ReadFrom(m.ProtocolMetadata) == nil && java.URL != "" {
			who += " (" + java.URL + ")"
		}
		return &conflict{fmt.Sprintf("group.id %s: %d Kafka Connect worker(s) of Java are alive in this group, for example %s: they and this "+
			"worker would each run every task. Stop them, wait until Kafka has dropped them from the group (their session.timeout.ms, 10 s "+
			"by default), and start this worker again; or %s", c.cfg.Group, len(g.Members), who, ownGroup)}
	case protocolType:
		return c.second(ctx, m.MemberID)
	}
	return &conflict{fmt.Sprintf("group.id %s: the group is in use by %d member(s) of type %s, for example %s; a worker needs a group of its "+
		"own: choose another group.id", c.cfg.Group, len(g.Members), g.ProtocolType, who)}
}

func host(m kmsg.DescribeGroupsResponseGroupMember) string {
	return strings.TrimPrefix(m.ClientHost, "/")
}
