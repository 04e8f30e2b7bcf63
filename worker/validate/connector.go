package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

// checkSource is what DistributedHerder checks of a source beyond single keys.
func (r *run) checkSource(c connect.SourceConnector, result *config.Result) {
	once, _ := c.(connect.ExactlyOnceConnector)
	level := result.Value("exactly.once.support")
	if len(level.Errors) == 0 && isFold(level.Value, "required") {
		if !r.worker.ExactlyOnce {
			level.Errors = append(level.Errors, "This worker does not have exactly-once source support enabled.")
		}
		switch {
		case once == nil:
			level.Errors = append(level.Errors, "The connector does not implement the API required for preflight validation of exactly-once "+
				"source support. Please consult the documentation for the connector to determine whether it supports exactly-once "+
				"semantics, and then consider reconfiguring the connector to use the value \"requested\" for this property "+
				"(which will disable this preflight check and allow the connector to be created).")
		case !once.ExactlyOnceSupport(r.props):
			level.Errors = append(level.Errors, "The connector does not support exactly-once semantics with the provided configuration.")
		}
	}
	boundary := result.Value("transaction.boundary")
	if len(boundary.Errors) == 0 && isFold(boundary.Value, "connector") && (once == nil || !once.DefinesBoundaries(r.props)) {
		boundary.Errors = append(boundary.Errors, "The connector does not support connector-defined transaction boundaries with the given configuration. "+
			"Please reconfigure it to use a different transaction boundary definition.")
	}
}

func isFold(v any, text string) bool {
	s, ok := v.(string)
	return ok && strings.EqualFold(s, text)
}

// checkSink is SinkConnectorConfig.validate and the distributed worker's check
// of the consumer group.
func (r *run) checkSink(result *config.Result) {
	topics, pattern := r.props["topics"], r.props["topics.regex"]
	hasTopics, hasPattern := !blank(topics), !blank(pattern)
	switch {
	case hasTopics && hasPattern:
		both(result, "topics and topics.regex are mutually exclusive options, but both are set.")
	case !hasTopics && !hasPattern:
		both(result, "Must configure one of topics or topics.regex")
	}
	if dlq := strings.TrimSpace(r.props[dlqTopic]); dlq != "" {
		r.checkDeadLetters(result, dlq)
	}
	r.checkGroup(result)
}

const dlqTopic = "errors.deadletterqueue.topic.name"

func both(result *config.Result, message string) {
	result.AddError("topics", message)
	result.AddError("topics.regex", message)
}

// checkDeadLetters refuses a dead letter topic that the connector itself reads.
func (r *run) checkDeadLetters(result *config.Result, dlq string) {
	topics := splitList(r.props["topics"])
	if slices.Contains(topics, dlq) {
		result.AddError("topics", fmt.Sprintf("The DLQ topic '%s' may not be included in the list of topics ('topics=[%s]') consumed by the connector",
			dlq, strings.Join(topics, ", ")))
	}
	if pattern := r.props["topics.regex"]; !blank(pattern) && matches(pattern, dlq) {
		result.AddError("topics.regex", fmt.Sprintf("The DLQ topic '%s' may not be matched by the regex for the topics ('topics.regex=%s') consumed by the connector",
			dlq, pattern))
	}
}

// checkGroup refuses a consumer group that is the worker's own.
func (r *run) checkGroup(result *config.Result) {
	const override = "consumer.override.group.id"
	worker := r.worker.GroupID
	if worker == "" {
		return
	}
	if group, ok := r.props[override]; ok {
		v := result.Value(override)
		v.Value = group
		if group == worker {
			v.Errors = append(v.Errors, fmt.Sprintf("Consumer group %s conflicts with Connect worker group %s", group, worker))
		}
		return
	}
	if name, _ := result.Value("name").Value.(string); "connect-"+name == worker {
		result.AddError("name", fmt.Sprintf("Consumer group for sink connector named %s conflicts with Connect worker group %s", name, worker))
	}
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// splitList parses a LIST without empty and repeated values.
func splitList(s string) []string {
	var out []string
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// checkVersions holds the *.plugin.version keys against the one version that there
// is of each plugin; as in Java both the class and the version are in error.
func (r *run) checkVersions(result *config.Result) {
	check := func(p *plugin.Plugin, classKey, versionKey string) bool {
		err := p.CheckVersion(r.props[versionKey])
		if err == nil {
			return true
		}
		result.AddError(classKey, err.Error())
		result.AddError(versionKey, err.Error())
		return false
	}
	r.versionFits = check(r.plugin, "connector.class", "connector.plugin.version")
	for key, kind := range map[string]plugin.Kind{"key.converter": plugin.Converter, "value.converter": plugin.Converter,
		"header.converter": plugin.HeaderConverter} {
		if p, err := r.reg.Find(r.props[key], kind); err == nil {
			check(p, key, key+".plugin.version")
		}
	}
	for _, c := range []chained{transforms, predicates} {
		for _, alias := range splitList(r.props[c.key]) {
			prefix := c.key + "." + alias + "."
			if p, err := r.reg.Find(r.props[prefix+"type"], c.kind); err == nil {
				check(p, prefix+"type", prefix+"plugin.version")
			}
		}
	}
}
