package broker

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/settings"
)

// DescribeConfigs (32), versions 1-4. Every known key of the resource with
// value, source and, on demand, the chain of values it overrides. v3 types and
// documentation (KIP-226, KIP-569).

func (b *Broker) describeConfigs(_ context.Context, r *request, req *kmsg.DescribeConfigsRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrDescribeConfigsResponse()
	for _, res := range req.Resources {
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = res.ResourceType, res.ResourceName
		configs, err := b.describeResource(img, res)
		if err != nil {
			out.ErrorCode, out.ErrorMessage = fault.Code(err), fault.Message(err)
		}
		for _, c := range configs {
			if len(res.ConfigNames) == 0 || slices.Contains(res.ConfigNames, c.def.Name) {
				out.Configs = append(out.Configs, c.describe(req))
			}
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// described is one key with its chain of values, the one in force first.
type described struct {
	def      settings.Def
	value    string
	null     bool
	source   source
	readOnly bool
	chain    []sourced
}

func (b *Broker) describeResource(img *controller.Image, res kmsg.DescribeConfigsRequestResource) ([]described, error) {
	switch controller.ResourceType(res.ResourceType) {
	case controller.TopicResource:
		if err := controller.CheckTopicName(res.ResourceName); err != nil {
			return nil, err
		}
		if img.Topic(res.ResourceName) == nil {
			return nil, kerr.UnknownTopicOrPartition
		}
		return b.describeTopic(img, res.ResourceName), nil
	case controller.BrokerResource:
		if res.ResourceName == "" {
			return b.describeDefaults(img), nil
		}
		if _, err := strconv.Atoi(res.ResourceName); err != nil {
			return nil, fault.New(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", res.ResourceName)
		}
		if res.ResourceName != strconv.Itoa(int(b.cfg.NodeID)) {
			return nil, fault.New(kerr.InvalidRequest, "Unexpected broker id, expected %d or empty string, but received %s", b.cfg.NodeID, res.ResourceName)
		}
		return b.describeBroker(img), nil
	case controller.GroupResource:
		if res.ResourceName == "" {
			return nil, fault.New(kerr.InvalidRequest, "Group name must not be empty")
		}
		return b.describeGroup(img, res.ResourceName), nil
	}
	if res.ResourceType == loggerResource {
		return b.describeLoggers(res.ResourceName)
	}
	return nil, fault.New(kerr.InvalidRequest, "Unsupported resource type: %d", res.ResourceType)
}

func (b *Broker) describeTopic(img *controller.Image, name string) []described {
	overrides := img.Config(controller.Resource{Type: controller.TopicResource, Name: name})
	var out []described
	for _, d := range settings.Topic.All() {
		c := described{def: d, source: sourceBuiltIn}
		c.value, _ = b.cfg.topicValue(img, overrides, d.Name)
		if v, ok := overrides[d.Name]; ok {
			c.chain = append(c.chain, sourced{name: d.Name, value: v, source: sourceTopic})
		}
		if len(d.Synonyms) > 0 {
			c.chain = append(c.chain, b.cfg.synonyms(img, d.Synonyms[0].Name)...)
		}
		if len(c.chain) > 0 {
			c.source = c.chain[0].source
		}
		out = append(out, c)
	}
	return out
}

func (b *Broker) describeBroker(img *controller.Image) []described {
	var out []described
	for _, d := range settings.Broker.All() {
		out = append(out, b.describeBrokerKey(img, d))
	}
	for _, name := range b.cfg.listenerKeys(img) {
		d, _ := settings.LookupBroker(name)
		out = append(out, b.describeBrokerKey(img, d))
	}
	return out
}

func (b *Broker) describeBrokerKey(img *controller.Image, d settings.Def) described {
	first := b.cfg.brokerChain(img, d.Name)[0]
	c := described{
		def: d, value: first.value, null: first.null, source: sourceBuiltIn, readOnly: d.Dynamic == settings.ReadOnly,
		chain: b.cfg.synonyms(img, d.Name),
	}
	if len(c.chain) > 0 {
		c.source = c.chain[0].source
	}
	return c
}

// describeDefaults lists only what was set cluster-wide, as Kafka does.
func (b *Broker) describeDefaults(img *controller.Image) []described {
	set := img.Config(controller.Resource{Type: controller.BrokerResource})
	var out []described
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if d, ok := settings.LookupBroker(name); ok {
			out = append(out, described{def: d, value: set[name], source: sourceDefault, chain: []sourced{{name: name, value: set[name], source: sourceDefault}}})
		}
	}
	return out
}

func (b *Broker) describeGroup(img *controller.Image, name string) []described {
	set := img.Config(controller.Resource{Type: controller.GroupResource, Name: name})
	var out []described
	for _, d := range settings.Group.All() {
		// The broker's value shows as the default: groups have no synonyms in Kafka.
		c := described{def: d, source: sourceBuiltIn, value: b.cfg.brokerChain(img, d.Synonyms[0].Name)[0].value}
		if v, ok := set[d.Name]; ok {
			c.value, c.source = v, sourceGroup
		}
		c.chain = []sourced{{name: d.Name, value: c.value, source: c.source}}
		out = append(out, c)
	}
	return out
}

func (c described) describe(req *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.ReadOnly = c.def.Name, c.readOnly
	out.Source = kmsg.ConfigSource(c.source)
	out.IsDefault = c.source == sourceBuiltIn
	out.IsSensitive = c.def.Type == settings.Password
	if !c.null && !out.IsSensitive {
		out.Value = kmsg.StringPtr(c.value)
	}
	out.ConfigType = kmsg.ConfigType(c.def.Type)
	if req.IncludeDocumentation {
		out.Documentation = kmsg.StringPtr(c.def.Documentation())
	}
	if !req.IncludeSynonyms {
		return out
	}
	for _, s := range c.chain {
		if s.null {
			continue
		}
		syn := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		syn.Name, syn.Value, syn.Source = s.name, kmsg.StringPtr(s.value), kmsg.ConfigSource(s.source)
		out.ConfigSynonyms = append(out.ConfigSynonyms, syn)
	}
	return out
}

// parseLong reads a value that was checked when it was set.
func parseLong(value string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		panic("broker: unchecked number " + value)
	}
	return n
}
