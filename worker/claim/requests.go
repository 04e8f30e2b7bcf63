package claim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// protocolType is the type of the group, and the name of its one protocol.
const protocolType = "leat"

// join joins the group and syncs. It sets member, gen and alone; a leader that is not
// this worker is a conflict.
func (c *Claim) join(ctx context.Context) error {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType, req.MemberID, req.InstanceID = c.cfg.Group, protocolType, c.member, c.instance
	req.SessionTimeoutMillis = int32(c.cfg.Session.Milliseconds())
	// Longer than a session: see the package comment.
	req.RebalanceTimeoutMillis = int32(min(2*c.cfg.Session.Milliseconds(), math.MaxInt32))
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = protocolType, []byte(c.cfg.ID)
	req.Protocols = append(req.Protocols, p)
	c.asked = true
	silence := time.AfterFunc(c.cfg.Heartbeat+2*time.Second, func() {
		c.log.Warn("waiting for the other members of the group: one is silent, and out of it when its session ends",
			"group", c.cfg.Group, "session", c.cfg.Session)
	})
	resp, err := req.RequestWith(ctx, c.kafka)
	silence.Stop()
	if err != nil {
		return fmt.Errorf("joining the group: %w", err)
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	if err == nil || errors.Is(err, kerr.MemberIDRequired) {
		c.member = resp.MemberID
	}
	if err != nil {
		return fmt.Errorf("joining the group: %w", err)
	}
	c.gen, c.alone = resp.Generation, len(resp.Members) == 1
	if resp.LeaderID != c.member {
		if c.instance != nil && owner(resp.LeaderID) == *c.instance {
			// Brokers before Kafka 3.2 name this worker's predecessor as the leader and
			// list nobody. A join of the leader by its name starts over.
			return kerr.RebalanceInProgress
		}
		return c.second(ctx, resp.LeaderID)
	}
	for _, m := range resp.Members {
		if m.MemberID != c.member {
			c.log.Warn("another worker is in the group of this one and has to leave it", "group", c.cfg.Group, "other", string(m.ProtocolMetadata))
		}
	}
	return c.sync(ctx)
}

func (c *Claim) sync(ctx context.Context) error {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = c.cfg.Group, c.member, c.instance, c.gen
	req.ProtocolType, req.Protocol = kmsg.StringPtr(protocolType), kmsg.StringPtr(protocolType)
	own := kmsg.NewSyncGroupRequestGroupAssignment()
	own.MemberID = c.member
	req.GroupAssignment = append(req.GroupAssignment, own)
	resp, err := req.RequestWith(ctx, c.kafka)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("syncing the group: %w", err)
	}
	return nil
}

func (c *Claim) heartbeat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Session)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = c.cfg.Group, c.member, c.instance, c.gen
	resp, err := req.RequestWith(ctx, c.kafka)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("heartbeat of the group: %w", err)
	}
	return nil
}

// leave ends the membership, so that a successor with another id need not wait for the
// session to end. It works after ctx has ended, for leaveTime.
func (c *Claim) leave(ctx context.Context) {
	if !c.asked || c.instance == nil && c.member == "" {
		return
	}
	c.asked = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = c.cfg.Group, c.member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = c.member, c.instance
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, c.kafka)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		c.log.Warn("leaving the group: the next worker of another id waits until the session of this one ends", "group", c.cfg.Group, "err", err)
	}
}

// describe returns the group; nil if this worker may not see it.
func (c *Claim) describe(ctx context.Context) (*kmsg.DescribeGroupsResponseGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Session)
	defer cancel()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{c.cfg.Group}
	resp, err := req.RequestWith(ctx, c.kafka)
	if err != nil {
		return nil, err
	}
	if len(resp.Groups) != 1 {
		return nil, fmt.Errorf("the answer has %d groups, want 1", len(resp.Groups))
	}
	return &resp.Groups[0], kerr.ErrorForCode(resp.Groups[0].ErrorCode)
}
