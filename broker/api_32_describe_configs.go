package broker

import (
	"context"
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
			if res.ConfigNames == nil || slices.Contains(res.ConfigNames, c.def.Name) {
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
	return nil, fault.New(kerr.InvalidRequest, "Unsupported resource type: %d", res.ResourceType)
}

func (b *Broker) describeTopic(img *controller.Image, name string) []described {
	overrides := img.Config(controller.Resource{Type: controller.TopicResource, Name: name})
	var out []described
	for _, d := range settings.Topic.All() {
		v, src := b.cfg.topicValue(img, overrides, d.Name)
		out = append(out, described{def: d, value: v, source: src, chain: b.cfg.topicChain(img, overrides, d)})
	}
	return out
}

func (b *Broker) describeBroker(img *controller.Image) []described {
	var out []described
	for _, d := range settings.Broker.All() {
		chain := b.cfg.brokerChain(img, d.Name)
		out = append(out, described{def: d, value: chain[0].value, null: chain[0].null, source: chain[0].source, readOnly: d.Dynamic == settings.ReadOnly, chain: chain})
	}
	return out
}

// describeDefaults lists only what was set cluster-wide, as Kafka does.
func (b *Broker) describeDefaults(img *controller.Image) []described {
	set := img.Config(controller.Resource{Type: controller.BrokerResource})
	var out []described
	for _, d := range settings.Broker.All() {
		if v, ok := set[d.Name]; ok {
			out = append(out, described{def: d, value: v, source: sourceDefault, chain: []sourced{{name: d.Name, value: v, source: sourceDefault}}})
		}
	}
	return out
}

func (b *Broker) describeGroup(img *controller.Image, name string) []described {
	set := img.Config(controller.Resource{Type: controller.GroupResource, Name: name})
	var out []described
	for _, d := range settings.Group.All() {
		c := described{def: d}
		if v, ok := set[d.Name]; ok {
			c.chain = append(c.chain, sourced{name: d.Name, value: v, source: sourceGroup})
		}
		for _, syn := range d.Synonyms {
			c.chain = append(c.chain, b.cfg.brokerChain(img, syn.Name)...)
		}
		c.value, c.source = c.chain[0].value, c.chain[0].source
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
		out.Documentation = kmsg.StringPtr(c.def.Doc)
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
