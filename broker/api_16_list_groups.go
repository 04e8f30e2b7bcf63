package broker

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// ListGroups (16), versions 0-5. v4 filters by state (KIP-518), v5 by type
// (KIP-848); both without regard to case.

func (b *Broker) listGroups(ctx context.Context, r *request, req *kmsg.ListGroupsRequest) kmsg.Response {
	resp := kmsg.NewPtrListGroupsResponse()
	for _, loop := range b.groups.all() {
		list, err := read(ctx, loop, func(_ *tx, s *group.Shard) []kmsg.ListGroupsResponseGroup { return s.List() })
		if err != nil {
			resp.ErrorCode = fault.Code(err)
			return resp
		}
		for _, g := range list {
			if matches(req.StatesFilter, g.GroupState) && matches(req.TypesFilter, g.GroupType) {
				resp.Groups = append(resp.Groups, g)
			}
		}
	}
	slices.SortFunc(resp.Groups, func(a, b kmsg.ListGroupsResponseGroup) int { return strings.Compare(a.Group, b.Group) })
	return resp
}

func matches(filter []string, value string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
}
