package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/peers"
)

// side is one of the two brokers that are compared: ours, or Apache Kafka.
type side struct {
	name string // leat or kafka
	leat bool   // is one of ours
	dir  string
	addr string
	proc *child.Process
	// started is exec to the first answer to Metadata.
	started time.Duration

	command func(ctx context.Context, s *side) *exec.Cmd
	client  *kgo.Client
	admin   *kadm.Client
}

// Names of the sides.
const (
	ours   = "leat"
	theirs = "kafka"
)

// properties that both brokers get. The data rows are about data: groups and
// cleaners stay out of the way.
const serverProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`

// newSide writes the configuration of a broker on an empty folder.
func (b *bench) newSide(ctx context.Context, name, folder string) (*side, error) {
	s := &side{name: name, dir: filepath.Join(b.dir, folder+"-"+name)}
	var ports [2]int
	for i := range ports {
		var err error
		if ports[i], err = freeport.Take(); err != nil {
			return nil, err
		}
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", ports[0])
	if err := errors.Join(os.RemoveAll(s.dir), os.MkdirAll(s.dir, 0o700)); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(serverProperties, ports[0], ports[1], filepath.Join(s.dir, "data"))
	if binary := b.binaryOf(name); binary != "" {
		s.leat = true
		text += "leat.http.listeners=none\n"
		s.command = func(_ context.Context, s *side) *exec.Cmd {
			return exec.Command(binary, "broker", s.properties())
		}
		return s, os.WriteFile(s.properties(), []byte(text), 0o600)
	}
	if err := os.WriteFile(s.properties(), []byte(text), 0o600); err != nil {
		return nil, err
	}
	kafka, err := peers.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	format := kafka.Tool(ctx, "kafka.tools.StorageTool", "format", "-t", "bGVhdC1iZW5jaC1wZWVyMQ", "-c", s.properties())
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("formatting Kafka's folder: %w\n%s", err, out)
	}
	s.command = func(_ context.Context, s *side) *exec.Cmd {
		// The heap of kafka-server-start.sh, the flags of kafka-run-class.sh.
		return exec.Command("java", "-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
			"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
			"-cp", filepath.Join(kafka.Jars, "*"), "kafka.Kafka", s.properties())
	}
	return s, nil
}

// binaryOf is the binary of a side, empty for Apache Kafka.
func (b *bench) binaryOf(name string) string {
	if name == ours {
		return b.binary
	}
	return b.against
}

func (s *side) properties() string { return filepath.Join(s.dir, "server.properties") }

// start runs the broker and waits for its first answer to Metadata.
func (s *side) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.command(ctx, s)
	cmd.Stdout, cmd.Stderr = log, log
	begin := time.Now()
	if s.proc, err = child.Start(cmd, child.Life{}); err != nil {
		return err
	}
	for {
		err := askMetadata(s.addr)
		if err == nil {
			break
		}
		if !s.proc.Alive() || time.Since(begin) > 3*time.Minute {
			s.stop()
			return fmt.Errorf("%s does not answer on %s: %w; log: %s", s.name, s.addr, err, log.Name())
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			s.stop()
			return err
		}
	}
	s.started = time.Since(begin)
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(s.addr)); err != nil {
		s.stop()
		return err
	}
	s.admin = kadm.NewClient(s.client)
	s.admin.SetTimeoutMillis(120_000)
	return nil
}

// stop ends the broker gracefully, after 60 s the hard way.
func (s *side) stop() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
	if s.proc == nil {
		return
	}
	if err := s.proc.Signal(syscall.SIGTERM); err != nil || !s.proc.Wait(time.Minute) {
		s.kill()
	}
	s.proc = nil
}

// kill ends the broker with SIGKILL.
func (s *side) kill() {
	if err := s.proc.Kill(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: ending", s.name+":", err)
	}
}

// remove stops the broker and deletes its folder.
func (s *side) remove() {
	s.stop()
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// flushMode is when a topic's acknowledgements are sent.
type flushMode int

const (
	pageCache flushMode = iota // Kafka's default
	fsync                      // after the flush
)

// mode names a flush mode in the rows.
func (m flushMode) mode() string {
	if m == fsync {
		return "leat.flush.before.ack=always | flush.messages=1"
	}
	return "leat.flush.before.ack=never | page cache"
}

// configs are the topic's settings for the mode.
func (s *side) configs(m flushMode) map[string]*string {
	c := map[string]*string{"file.delete.delay.ms": kadm.StringPtr("1000")}
	switch {
	case !s.leat && m == fsync:
		c["flush.messages"] = kadm.StringPtr("1")
	case s.leat && m == fsync:
		c["leat.flush.before.ack"] = kadm.StringPtr("always")
	case s.leat:
		c["leat.flush.before.ack"] = kadm.StringPtr("never")
	}
	return c
}

// createTopic makes a topic and waits until its partitions have leaders.
func (s *side) createTopic(ctx context.Context, topic string, partitions int, m flushMode) error {
	if _, err := s.admin.CreateTopic(ctx, int32(partitions), 1, s.configs(m), topic); err != nil {
		return fmt.Errorf("creating %s on %s: %w", topic, s.name, err)
	}
	for {
		ends, err := s.admin.ListEndOffsets(ctx, topic)
		if err == nil && ends.Error() == nil && len(ends[topic]) == partitions {
			return nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// deleteTopic removes a topic; its dirty pages go with it.
func (s *side) deleteTopic(ctx context.Context, topic string) error {
	if _, err := s.admin.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("deleting %s on %s: %w", topic, s.name, err)
	}
	return nil
}

// askMetadata makes one connection and one Metadata request for no topics.
func askMetadata(addr string) error {
	nc, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := nc.Write(metadataFrame()); err != nil {
		return err
	}
	_, err = readFrame(bufio.NewReader(nc), nil)
	return err
}
