package broker

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/settings"
	"github.com/leat-project/leat/internal/loglevel"
)

// The BROKER_LOGGER resource (KIP-412) shows the levels of loggers and changes
// them at once, until the next start.

// loggerResource is the type of the levels of a broker's loggers.
const loggerResource = 8

// Names of the broker's loggers: the attribute loglevel.NameKey.
const (
	logBroker      = "leat.broker"
	logStore       = "leat.broker.logstore"
	logController  = "leat.broker.controller"
	logCoordinator = "leat.broker.coordinator"
)

var loggerNames = []string{loglevel.Root, logBroker, logStore, logController, logCoordinator}

// logLevels are those that can be set, as Kafka's LogLevelConfig has them.
var logLevels = []string{"DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"}

func (b *Broker) isThisBroker(name string) error {
	if name == "" {
		return fault.New(kerr.InvalidRequest, "Broker id must not be empty")
	}
	if _, err := strconv.Atoi(name); err != nil {
		return fault.New(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	}
	if name != strconv.Itoa(int(b.cfg.NodeID)) {
		return fault.New(kerr.InvalidRequest, "Unexpected broker id, expected %d but received %s", b.cfg.NodeID, name)
	}
	return nil
}

// describeLoggers lists the loggers with the levels in force.
func (b *Broker) describeLoggers(name string) ([]described, error) {
	if err := b.isThisBroker(name); err != nil {
		return nil, err
	}
	known := b.levels.All()
	names := slices.Clone(loggerNames)
	for n := range known {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []described
	for _, n := range names {
		out = append(out, described{def: settings.Def{Name: n, Type: settings.String}, value: b.levels.Effective(n), source: sourceLogger})
	}
	return out, nil
}

// alterLoggers changes levels: all of the request or, where one is wrong, none.
func (b *Broker) alterLoggers(res kmsg.IncrementalAlterConfigsRequestResource, validateOnly bool) error {
	if err := b.isThisBroker(res.ResourceName); err != nil {
		return err
	}
	known := b.levels.All()
	for _, c := range res.Configs {
		if _, ok := known[c.Name]; !ok && !slices.Contains(loggerNames, c.Name) {
			return fault.New(kerr.InvalidConfig, "Logger %s does not exist!", c.Name)
		}
		switch c.Op {
		case kmsg.IncrementalAlterConfigOpSet:
			if c.Value == nil || !slices.Contains(logLevels, *c.Value) {
				return fault.New(kerr.InvalidConfig, "Cannot set the log level of %s to %s as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN", c.Name, deref(c.Value))
			}
		case kmsg.IncrementalAlterConfigOpDelete:
			if c.Name == loglevel.Root {
				return fault.New(kerr.InvalidRequest, "Removing the log level of the %s logger is not allowed", loglevel.Root)
			}
		default:
			return fault.New(kerr.InvalidRequest, "%s operation is not allowed for the BROKER_LOGGER resource", map[kmsg.IncrementalAlterConfigOp]string{kmsg.IncrementalAlterConfigOpAppend: "APPEND", kmsg.IncrementalAlterConfigOpSubtract: "SUBTRACT"}[c.Op])
		}
	}
	if validateOnly {
		return nil
	}
	for _, c := range res.Configs {
		if c.Op == kmsg.IncrementalAlterConfigOpDelete {
			b.levels.Unset(c.Name)
			continue
		}
		b.levels.Set(c.Name, *c.Value)
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
