package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// saramaConsumer is a member of a group. Claims hand their messages to poll
// through a channel without room, so that none waits in it across a rebalance.
type saramaConsumer struct {
	group    sarama.ConsumerGroup
	messages chan claimed
	stop     context.CancelFunc
	done     chan struct{}

	mu      sync.Mutex                  // guards the fields below
	session sarama.ConsumerGroupSession // nil between two
	err     error
}

// claimed is a message with the session that it came in.
type claimed struct {
	*sarama.ConsumerMessage
	session sarama.ConsumerGroupSession
}

func (c *saramaConsumer) Setup(s sarama.ConsumerGroupSession) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	return nil
}

func (c *saramaConsumer) Cleanup(sarama.ConsumerGroupSession) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	return nil
}

func (c *saramaConsumer) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			select {
			case c.messages <- claimed{m, s}:
			case <-s.Context().Done():
				return nil
			}
		case <-s.Context().Done():
			return nil
		}
	}
}

func (c *saramaConsumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errors.Join(c.err, err)
}

// look returns the claims, which a cooperative rebalance changes in the midst
// of a session.
func (c *saramaConsumer) look() (assigned []int32, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		for _, ps := range c.session.Claims() {
			assigned = append(assigned, ps...)
		}
	}
	slices.Sort(assigned)
	return assigned, c.err
}

func (s *saram) join(a *args) (*saramaConsumer, error) {
	conf := saramaConfig()
	strategies := map[string]sarama.BalanceStrategy{
		"": sarama.NewBalanceStrategyRange(), "range": sarama.NewBalanceStrategyRange(),
		"roundrobin": sarama.NewBalanceStrategyRoundRobin(), "sticky": sarama.NewBalanceStrategySticky(),
		"cooperative-sticky": sarama.NewBalanceStrategyCooperativeSticky(),
	}
	strategy := strategies[a.Assignor]
	if strategy == nil {
		return nil, fmt.Errorf("no assignor %q", a.Assignor)
	}
	conf.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	conf.Consumer.Group.InstanceId = a.Instance
	if a.Committed {
		conf.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	group, err := sarama.NewConsumerGroup(s.addrs, a.Group, conf)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &saramaConsumer{group: group, messages: make(chan claimed), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{a.Topic}, c); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
				c.fail(err)
				return
			}
		}
	}()
	go func() {
		for err := range group.Errors() {
			c.fail(err)
		}
	}()
	return c, nil
}

func (c *saramaConsumer) leave() error {
	c.stop()
	<-c.done
	return c.group.Close()
}

// take waits for a first message and takes what follows at once.
func (c *saramaConsumer) take(ctx context.Context, wait time.Duration, limit int) (out []claimed) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for limit == 0 || len(out) < limit {
		select {
		case m := <-c.messages:
			out = append(out, m)
			timer.Reset(20 * time.Millisecond)
		case <-timer.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
	return out
}

func (s *saram) open(_ context.Context, a *args) (*result, error) {
	c, err := s.join(a)
	if err != nil {
		return nil, err
	}
	s.consumers.put(a.On, c)
	return &result{}, nil
}

func (s *saram) poll(ctx context.Context, a *args) (*result, error) {
	c, err := s.consumers.get(a.On)
	if err != nil {
		return nil, err
	}
	res := &result{}
	for _, m := range c.take(ctx, time.Duration(a.Millis)*time.Millisecond, a.Count) {
		res.Records = append(res.Records, saramaRecord(m.ConsumerMessage))
		m.session.MarkMessage(m.ConsumerMessage, "")
	}
	res.Assigned, err = c.look()
	return res, err
}

func (s *saram) commit(_ context.Context, a *args) (*result, error) {
	c, err := s.consumers.get(a.On)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	if session == nil {
		return nil, errors.New("nothing is assigned")
	}
	session.Commit()
	_, err = c.look()
	return &result{}, err
}

func (s *saram) close(_ context.Context, a *args) (*result, error) {
	c, err := s.consumers.take(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, c.leave()
}
