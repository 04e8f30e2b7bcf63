package claim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config says what is claimed by whom.
type Config struct {
	Group     string        // group.id
	ID        string        // names this worker; a restarted worker has the same
	Session   time.Duration // session.timeout.ms
	Heartbeat time.Duration // heartbeat.interval.ms
}

// Claim is a worker's claim to its group. Run owns it.
type Claim struct {
	cfg   Config
	kafka kmsg.Requestor
	log   *slog.Logger
	held  chan struct{} // closed when the claim succeeds for the first time

	instance *string // nil: a dynamic member
	asked    bool    // Kafka may know this worker as a member
	member   string  // "" until Kafka has given one
	gen      int32
	alone    bool // as of the last join
	has      bool // held is closed
	warned   time.Time
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = time.Second
	// aloneCheck is the pause between heartbeats while others are leaving.
	aloneCheck = 200 * time.Millisecond
	// leaveTime bounds the farewell: a group whose coordinator is silent must not
	// keep a worker from stopping.
	leaveTime = 2 * time.Second
)

// New returns a claim that is not made yet. The caller closes the client behind kafka
// after Run has returned.
func New(cfg Config, kafka kmsg.Requestor, log *slog.Logger) *Claim {
	// As topic names: other characters are refused in ids of instances.
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, cfg.ID)
	return &Claim{cfg: cfg, kafka: kafka, log: log, held: make(chan struct{}), instance: &id}
}

// Held is closed when the claim is this worker's, or when Kafka's ACLs forbid to ask.
func (c *Claim) Held() <-chan struct{} { return c.held }

// conflict is an error that ends the claim: somebody else has it.
type conflict struct{ text string }

func (e *conflict) Error() string { return e.text }

// Run makes the claim and keeps it until ctx ends; then it leaves the group and returns
// nil. It returns an error when the claim is another's, before Held as after.
func (c *Claim) Run(ctx context.Context) error {
	defer c.leave(ctx)
	for tries := 0; ; tries++ {
		err := c.join(ctx)
		if err == nil {
			tries = 0
			err = c.keep(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if final, err := c.judge(ctx, err); final {
			return err
		}
		// Most answers of a coordinator mean: ask again. The first times, at once.
		if tries > 2 {
			sleep(ctx, min(firstPause<<min(tries-3, 8), maxPause))
		}
	}
}

// judge decides what an error of join or keep means: final with the error that ends
// Run, or what to do before the next join.
func (c *Claim) judge(ctx context.Context, err error) (final bool, _ error) {
	var other *conflict
	var refused *kerr.Error
	switch {
	case errors.As(err, &other):
		return true, err
	case errors.Is(err, kerr.FencedInstanceID):
		c.asked = false // the member of this id is another
		return true, c.fenced()
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return true, c.foreign(ctx)
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return true, c.forbidden(ctx, err)
	case c.instance != nil && (errors.Is(err, kerr.UnsupportedVersion) || errors.Is(err, kerr.InvalidGroupID)):
		c.log.Warn("the broker refuses static group membership, going on as a dynamic member: after a crash this worker waits for "+
			"its session timeout", "group", c.cfg.Group, "err", err)
		c.instance, c.member = nil, ""
	case errors.Is(err, kerr.UnknownMemberID): // the session has ended
		c.member = ""
	case errors.Is(err, kerr.MemberIDRequired), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
	case errors.As(err, &refused) && !refused.Retriable && !c.has:
		return true, fmt.Errorf("joining the group %s (group.id): %w", c.cfg.Group, err)
	default:
		if time.Since(c.warned) > time.Minute {
			c.warned = time.Now()
			c.log.Warn("the membership of the group cannot be had or renewed, trying on", "group", c.cfg.Group, "err", err)
		}
	}
	return false, nil
}

// keep sends heartbeats until one fails or ctx ends.
func (c *Claim) keep(ctx context.Context) error {
	if c.alone && !c.has {
		c.has = true
		close(c.held)
	}
	pause := c.cfg.Heartbeat
	if !c.has {
		pause = min(pause, aloneCheck)
	}
	for sleep(ctx, pause) {
		if err := c.heartbeat(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// forbidden is for workers that may not join the group, which Java workers may: it
// looks who is there if it may do that, and goes on without a claim.
func (c *Claim) forbidden(ctx context.Context, err error) error {
	c.asked = false
	if g, _ := c.describe(ctx); g != nil && len(g.Members) > 0 {
		return c.occupied(ctx, g)
	}
	c.log.Warn("the ACLs keep this worker from joining its group: if another worker runs with this group.id, every task runs twice; "+
		"READ on the group lets them see each other", "group", c.cfg.Group, "err", err)
	if !c.has {
		c.has = true
		close(c.held)
	}
	<-ctx.Done()
	return nil
}

// sleep pauses; false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
