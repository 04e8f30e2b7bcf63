package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func clusterCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	return k.bind(group("cluster", "Look at a Kafka cluster: brokers, features, quorum, requests",
		k.clusterIDCommand(), k.brokersCommand(), k.unregisterCommand(), k.featuresCommand(), k.apiVersionsCommand(), k.quorumCommand()))
}

func (k *cluster) clusterIDCommand() *cobra.Command {
	return &cobra.Command{Use: "id", Short: "Show the id of the cluster", Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			m, err := adm.BrokerMetadata(ctx)
			if err != nil {
				return fmt.Errorf("reading metadata: %w", err)
			}
			return show(k.Out, k.output, struct {
				ID string `json:"cluster_id"`
			}{m.Cluster}, table{after: m.Cluster + "\n"})
		})}
}

// brokerView is one node of cluster brokers.
type brokerView struct {
	ID         int32  `json:"id"`
	Host       string `json:"host"`
	Port       int32  `json:"port"`
	Rack       string `json:"rack,omitempty"`
	Fenced     bool   `json:"fenced"`
	Controller bool   `json:"controller"`
}

func (k *cluster) brokersCommand() *cobra.Command {
	var fenced bool
	c := &cobra.Command{Use: "brokers", Aliases: []string{"list-endpoints"}, Short: "List the brokers with their addresses", Args: args(cobra.NoArgs),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, _ []string) error {
			resp, err := describeCluster(ctx, cl, fenced)
			if err != nil {
				return err
			}
			views := []brokerView{}
			t := table{header: []string{"ID", "HOST", "PORT", "RACK", "STATE", "CONTROLLER"}}
			slices.SortFunc(resp.Brokers, func(a, b kmsg.DescribeClusterResponseBroker) int { return int(a.NodeID) - int(b.NodeID) })
			for _, b := range resp.Brokers {
				v := brokerView{b.NodeID, b.Host, b.Port, deref(b.Rack), b.IsFenced, b.NodeID == resp.ControllerID}
				state, controller := "unfenced", ""
				if v.Fenced {
					state = "fenced"
				}
				if v.Controller {
					controller = "yes"
				}
				views = append(views, v)
				t.add(num(v.ID), v.Host, num(v.Port), v.Rack, state, controller)
			}
			return show(k.Out, k.output, views, t)
		})}
	c.Flags().BoolVar(&fenced, "include-fenced", false, "also brokers that are registered but do not serve (Kafka 4.0 and later)")
	return c
}

// describeCluster lists the brokers. Those that are fenced come with Kafka 4.0 and
// later (version 2) only.
func describeCluster(ctx context.Context, cl *kgo.Client, fenced bool) (*kmsg.DescribeClusterResponse, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType = 1 // brokers
	req.IncludeFencedBrokers = fenced
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("describing the cluster: %w", err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("describing the cluster: %w", withDetail(err, deref(resp.ErrorMessage)))
	}
	return resp, nil
}

// notServed says plainly that the cluster has no such request.
func notServed(what string, err error) error {
	if errors.Is(err, kerr.UnsupportedVersion) || strings.Contains(err.Error(), "broker is too old") || strings.Contains(err.Error(), "unsupported") {
		return &refusedError{what + ": this cluster does not offer it: " + err.Error()}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// apiView is one request kind of a broker.
type apiView struct {
	Key  int16  `json:"key"`
	Name string `json:"name"`
	Min  int16  `json:"min"`
	Max  int16  `json:"max"`
}

// apisView is one broker of cluster api-versions.
type apisView struct {
	Broker int32     `json:"broker"`
	Error  string    `json:"error,omitempty"`
	APIs   []apiView `json:"apis"`
}

func (k *cluster) apiVersionsCommand() *cobra.Command {
	return &cobra.Command{Use: "api-versions", Short: "Show which requests each broker serves, in which versions", Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			all, err := adm.ApiVersions(ctx)
			if err != nil {
				return fmt.Errorf("asking for versions: %w", err)
			}
			views := []apisView{}
			t := table{header: []string{"BROKER", "KEY", "REQUEST", "MIN", "MAX"}}
			var errs []error
			for _, b := range all.Sorted() {
				v := apisView{Broker: b.NodeID, APIs: []apiView{}}
				if b.Err != nil {
					v.Error = b.Err.Error()
					errs = append(errs, fmt.Errorf("broker %d: %w", b.NodeID, b.Err))
				} else {
					b.EachKeySorted(func(key, lo, hi int16) {
						a := apiView{key, kmsg.NameForKey(key), lo, hi}
						v.APIs = append(v.APIs, a)
						t.add(num(b.NodeID), num(key), a.Name, num(lo), num(hi))
					})
				}
				views = append(views, v)
			}
			return errors.Join(show(k.Out, k.output, views, t), errors.Join(errs...))
		})}
}
